// Layers that random operations hardly ever make: loops, wrong attributes, missing data, many layers, long paths.
import { appendFileSync, chmodSync, linkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { disagreements } from './judge.ts';
import { dir, file, type Laid, lay, type Tree, whiteout } from './lay.ts';
import { type Snapshot, snapshot } from './snapshot.ts';
import { type Layers, Stage } from './stage.ts';

const redirected = (to: string, tree: Tree = {}): Laid => dir(tree, { 'trusted.overlay.redirect': to });
const metacopy = (redirect?: string, value = ''): Laid => ({
  file: '',
  xattrs: {
    'trusted.overlay.metacopy': value,
    ...(redirect !== undefined && { 'trusted.overlay.redirect': redirect }),
  },
});
const xattrWhiteout = file('', { 'trusted.overlay.whiteout': '' });
const opaque = (tree: Tree, value = 'y'): Laid => dir(tree, { 'trusted.overlay.opaque': value });

const follow: AnyOverlayOptions = { redirectDir: 'on' };
const withMetacopy: AnyOverlayOptions = { redirectDir: 'on', metacopy: true };

interface Case {
  readonly options?: AnyOverlayOptions;
  readonly upper?: Tree;
  /** Top first. */
  readonly lower: readonly Tree[];
  readonly data?: readonly Tree[];
}

function laid(stage: Stage, tree: Tree): string {
  const path = stage.directory('layer');
  lay(path, tree);
  return path;
}

function laidLayers(stage: Stage, { upper, lower, data }: Case): Layers & { upper: string } {
  return {
    lower: lower.map((tree) => laid(stage, tree)),
    upper: laid(stage, upper ?? {}),
    ...(data && { data: data.map((tree) => laid(stage, tree)) }),
  };
}

/** What all agree on. */
async function agreed(stage: Stage, layers: Layers, options: AnyOverlayOptions = follow): Promise<Snapshot> {
  const work = stage.directory('work');
  expect(await disagreements(stage, layers, options, work)).toEqual([]);
  return snapshot(
    stage.mount({ lower: layers.lower, ...(layers.data && { data: layers.data }) }, options).path,
  );
}

function agree(name: string, of: Case): void {
  privileged(name, async () => {
    using stage = new Stage(scratchDirectory().directory('stage'));
    await agreed(stage, laidLayers(stage, of), of.options);
  });
}

describe('the mount, openStack, changes and the double walk agree on', () => {
  agree('redirects in a circle', {
    upper: { a: redirected('/b'), self: redirected('/self'), sub: dir({ a: redirected('/sub') }) },
    lower: [
      { b: redirected('/a', { inB: '1' }), self: redirected('self') },
      { a: redirected('/b', { inA: '2' }) },
      { b: dir({ bottom: '3' }) },
    ],
  });

  agree('redirects through symbolic links, files, whiteouts and opaque directories', {
    upper: {
      link: redirected('/symlink/x'),
      file: redirected('/plain/x'),
      gone: redirected('/deleted/x'),
      below: redirected('/hiding/x'),
      sibling: redirected('symlink'),
    },
    lower: [
      {
        symlink: { link: 'real' },
        plain: 'a file',
        deleted: whiteout,
        hiding: opaque({ y: dir() }),
        real: dir({ x: dir({ f: '' }) }),
      },
      {
        plain: dir({ x: dir({ f: '' }) }),
        deleted: dir({ x: dir({ f: '' }) }),
        hiding: dir({ x: dir({ f: '' }) }),
      },
    ],
  });

  agree('a directory renamed out of an opaque one, into which it had been renamed', {
    upper: { again: redirected('/new/moved', { up: '' }) },
    lower: [
      { new: opaque({ moved: redirected('/old/first', { middle: '' }) }) },
      { old: dir({ first: dir({ bottom: '' }) }), new: dir({ hidden: '' }) },
    ],
  });

  // Under `second` both are ESTALE, and two such names that follow each other fail the whole list.
  agree('what lies beside directories that are seen in two places', {
    upper: {
      a: whiteout,
      e: whiteout,
      first: redirected('/e'),
      second: dir(
        { d1: dir({ up: '' }), d2: dir({ up: '' }) },
        { 'trusted.overlay.redirect': '/a', 'trusted.overlay.impure': 'y' },
      ),
    },
    lower: [
      { a: redirected('/e') },
      { e: dir({ before: '1', d1: dir(), d2: dir(), beside: dir({ deep: dir({ f: '2' }) }) }) },
    ],
  });

  agree('whiteouts in the bottom layer, of both forms, and whiteouts of whiteouts', {
    upper: { twice: whiteout },
    lower: [
      { twice: whiteout, dir: dir({ here: '' }) },
      { twice: whiteout, alone: whiteout, dir: opaque({ gone: xattrWhiteout, here: xattrWhiteout }, 'x') },
    ],
  });

  agree('attributes of the overlay with wrong values', {
    lower: [
      {
        ...Object.fromEntries(
          ['', 'n', 'Y', 'yy', 'y\0', 'x\0'].map((value, i) => [`opaque${i}`, opaque({ up: '' }, value)]),
        ),
        ...Object.fromEntries(
          ['', '/', 'a/b', '//a', '/a/', '.', '..', '\0', 'a\0b', '/../a', `/${'n'.repeat(256)}`].map(
            (to, i) => [`redirect${i}`, redirected(to, { up: '' })],
          ),
        ),
        whiteoutFile: file('not empty', { 'trusted.overlay.whiteout': 'y' }),
        whiteoutDirectory: dir({ in: '' }, { 'trusted.overlay.whiteout': 'y' }),
        strange: dir({}, { 'trusted.overlay.strange': '1', 'trusted.overlay.origin': 'no handle' }),
      },
      {
        ...Object.fromEntries([0, 1, 2, 3, 4, 5].map((i) => [`opaque${i}`, dir({ down: '' })])),
        a: dir({ target: '' }),
      },
    ],
  });

  agree('metacopy files with wrong values, and with data that is missing', {
    options: withMetacopy,
    upper: {
      ofNothing: metacopy(),
      ofDirectory: metacopy('/dir'),
      short: metacopy('/data', 'abc'),
      loop: metacopy('/loop'),
    },
    lower: [
      {
        digest: metacopy(undefined, '\0\x04\0\0'),
        chain: metacopy('/second'),
        loop: metacopy('/loop'),
        overDirectory: metacopy(),
      },
      { digest: 'content', second: metacopy('third'), data: 'd', dir: dir(), overDirectory: dir() },
      { third: 'far below', digest: 'hidden' },
    ],
  });

  agree('metacopy files that are not followed', {
    options: { redirectDir: 'nofollow', metacopy: false },
    upper: { meta: metacopy(), moved: redirected('/other') },
    lower: [{ meta: 'content', other: dir({ f: '' }) }],
  });

  agree('data layers: the first that has the file, only by absolute redirects, and none', {
    options: withMetacopy,
    upper: { top: metacopy('/one') },
    lower: [
      {
        both: metacopy('/both'),
        one: metacopy('/one'),
        none: metacopy('/none'),
        named: metacopy(),
        isDirectory: metacopy('/dir'),
        link: metacopy('/link'),
        deep: metacopy('/dir/deep'),
      },
    ],
    data: [
      { both: 'first', named: 'not seen', dir: dir(), link: { link: 'both' } },
      { both: 'second', one: '1', dir: dir({ deep: 'deep' }) },
    ],
  });

  agree('every type over every other', {
    upper: { fd: dir({ u: '' }), df: 'u', wd: whiteout, od: opaque({ u: '' }), lf: { link: 'fd' } },
    lower: [
      {
        fd: 'file',
        df: dir({ m: '' }),
        wd: dir({ m: '' }),
        od: dir({ m: '' }),
        lf: 'file',
        fdf: dir({ m: '' }),
        dfd: 'file',
        dwd: dir({ m: '' }),
      },
      {
        fd: dir({ l: '' }),
        df: 'file',
        wd: 'file',
        od: dir({ l: '' }),
        fdf: 'file',
        dfd: dir({ l: '' }),
        dwd: whiteout,
      },
      { fdf: dir({ bottom: '' }), dfd: dir({ bottom: '' }), dwd: dir({ bottom: '' }) },
    ],
  });

  agree('marks of overlays on this overlay, at every level', {
    lower: [
      {
        dir: dir(
          { f: '' },
          { 'trusted.overlay.overlay.opaque': 'y', 'trusted.overlay.overlay.overlay.redirect': 'x' },
        ),
        file: file('', {
          'trusted.overlay.overlay.whiteout': '',
          'trusted.overlay.overlay.overlay.overlay.a': 'b',
        }),
        user: file('', { 'user.overlay.whiteout': '', 'user.overlay.overlay.opaque': 'y' }),
      },
      { dir: dir({ g: '' }), file: 'below' },
    ],
  });

  agree('the user dialect, in which the trusted marks are nothing', {
    options: { userxattr: true },
    lower: [
      {
        ours: dir({ a: '' }, { 'user.overlay.opaque': 'y' }),
        theirs: opaque({ a: '' }),
        moved: dir({}, { 'user.overlay.redirect': '/ours' }),
        nested: dir({}, { 'user.overlay.overlay.opaque': 'y' }),
      },
      { ours: dir({ b: '' }), theirs: dir({ b: '' }) },
    ],
  });

  agree('names of any bytes', {
    upper: { '\n': dir({ '\xff\xfe': 'u', '\\': 'u' }), ' ': whiteout, 'a\nb': whiteout },
    lower: [
      {
        '\n': dir({ '\xff\xfe': 'l', ',:=': 'l' }),
        ' ': 'x',
        'a\nb': dir({ '\x01': '' }),
        ['n'.repeat(255)]: '\xe4',
      },
    ],
  });
});

describe('the mount, openStack, changes and the double walk agree also', () => {
  privileged('on 500 layers', async () => {
    using stage = new Stage(scratchDirectory().directory('stage'));
    const trees = Array.from(
      { length: 500 },
      (_, i): Tree => ({
        [`own${i % 7}`]: String(i),
        ...(i % 50 === 0 && { shared: dir({ [`from${i}`]: String(i) }) }),
      }),
    );
    trees[250] = { shared: dir({ from250: '', from450: whiteout, from0: whiteout }) };
    const view = await agreed(stage, { ...laidLayers(stage, { upper: { own3: whiteout }, lower: trees }) });
    expect(view.size).toBe(1 + 1 + 9 + 7);
  });

  privileged('on paths of more than 4,096 bytes', async () => {
    using stage = new Stage(scratchDirectory().directory('stage'));
    const deep = (levels: number, tree: Tree): Tree =>
      levels === 0 ? tree : { ['d'.repeat(250)]: dir(deep(levels - 1, tree)) };
    const layers = laidLayers(stage, {
      upper: deep(20, { up: 'u', gone: whiteout }),
      lower: [deep(20, { up: 'l', gone: 'l', both: 'l' }), deep(19, { side: '2' })],
    });
    const view = await agreed(stage, layers);
    expect(Math.max(...[...view.keys()].map((path) => path.length))).toBeGreaterThan(5000);
  });

  privileged('on hard links, some of whose names were copied up', async () => {
    using stage = new Stage(scratchDirectory().directory('stage'));
    const layers = laidLayers(stage, { lower: [{ a: 'linked', dir: dir() }, { c: 'linked too' }] });
    const [top, bottom] = layers.lower as [string, string];
    linkSync(join(top, 'a'), join(top, 'b'));
    linkSync(join(top, 'a'), join(top, 'dir/third'));
    linkSync(join(bottom, 'c'), join(bottom, 'd'));
    for (const options of [follow, withMetacopy]) {
      const upper = stage.directory('upper');
      const work = stage.directory('work');
      const overlay = stage.mount({ ...layers, upper }, options, work);
      chmodSync(join(overlay.path, 'a'), 0o600);
      appendFileSync(join(overlay.path, 'dir/third'), ' more');
      linkSync(join(overlay.path, 'b'), join(overlay.path, 'e'));
      linkSync(join(overlay.path, 'c'), join(overlay.path, 'dir/f'));
      unlinkSync(join(overlay.path, 'd'));
      overlay.unmountSync();
      expect(await disagreements(stage, { ...layers, upper }, options, work)).toEqual([]);
    }
  });
});
