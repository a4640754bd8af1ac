// Whiteouts: made in either form, over anything or nothing, and always with the kernel as the judge.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { describe, expect, test } from 'vitest';
import { OverlayError } from '../../lib/format/overlay-error.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD, S_IFCHR } from '../../lib/kernel/constants.ts';
import { makeOpaqueSync } from '../../lib/layer/opaque.ts';
import {
  isWhiteout,
  isWhiteoutSync,
  type WhiteoutOptions,
  whiteout,
  whiteoutSync,
} from '../../lib/layer/whiteout.ts';
import { run } from '../support/command.ts';
import { runFaked } from '../support/fake-errno.ts';
import { bindfsMount, tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { removeXattr, setXattr, xattrsOf } from '../support/xattr.ts';

type Path = string | Buffer;
const forms = [
  [
    'Sync',
    {
      make: async (path: Path, options?: WhiteoutOptions) => whiteoutSync(path, options),
      ask: async (path: Path, options?: { userxattr: boolean }) => isWhiteoutSync(path, options),
    },
  ],
  ['promise', { make: whiteout, ask: isWhiteout }],
] as const;

async function errorOf(promise: Promise<unknown>): Promise<OverlayError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(OverlayError);
  return error as OverlayError;
}

/** What an overlay of these lowers, top first, and maybe an upper shows of a directory: listed, and found by name. */
function shown(scratch: Scratch, layers: { lower: string[]; upper?: string }, dir: string) {
  const point = scratch.directory('mnt');
  const upper = layers.upper && `,upperdir=${layers.upper},workdir=${scratch.directory('work')}`;
  run('mount', '-t', 'overlay', 'test', '-o', `lowerdir=${layers.lower.join(':')}${upper ?? ''}`, point);
  try {
    const names = ['a', 'b', 'sub'];
    return {
      listed: readdirSync(`${point}/${dir}`).sort(),
      found: names.filter((name) => existsSync(`${point}/${dir}/${name}`)),
    };
  } finally {
    run('umount', point);
  }
}

function base(scratch: Scratch): string {
  for (const name of ['a', 'b', 'sub/deep/file']) scratch.file(`base/d/${name}`, 'below');
  scratch.directory('top/d');
  return scratch.join('top');
}

describe.each(forms)('%s', (_, { make, ask }) => {
  describe.each(['device', 'xattr'] as const)('a whiteout as %s', (form) => {
    privileged('hides the name from the kernel, over nothing, a file, a link, a directory', async () => {
      const scratch = scratchDirectory();
      const before = openDescriptors();
      for (const what of ['nothing', 'file', 'link', 'directory', 'a whiteout']) {
        const top = base(scratch);
        const path = `${top}/d/a`;
        if (what === 'file') writeFileSync(path, 'own');
        if (what === 'link') symlinkSync('/etc', path);
        if (what === 'directory') scratch.file('top/d/a/x/y', 'own');
        if (what === 'a whiteout') callSync('mknodat', AT_FDCWD, path, S_IFCHR, 0);
        await make(path, { form });
        expect(await ask(path), what).toBe(true);
        expect(readdirSync(`${top}/d`), what).toEqual(['a']);
        const layers = { lower: [top, scratch.join('base')] };
        const expected = { listed: ['b', 'sub'], found: ['b', 'sub'] };
        expect(shown(scratch, layers, 'd'), what).toEqual(expected);
        if (form === 'device')
          expect(shown(scratch, { lower: [scratch.join('base')], upper: top }, 'd'), what).toEqual(expected);
        expect(lstatSync('/etc').isDirectory()).toBe(true);
        rmSync(top, { recursive: true });
      }
      expect(openDescriptors()).toEqual(before);
    });

    privileged('is the layer’s own name only, with any bytes, the longest too', async () => {
      const scratch = scratchDirectory();
      const top = base(scratch);
      for (const name of [Buffer.from([0xff, 0x0a]), Buffer.alloc(255, 'x'), Buffer.from('.wh.a')]) {
        const path = Buffer.concat([Buffer.from(`${top}/d/`), name]);
        await make(path, { form });
        expect(await ask(path)).toBe(true);
      }
      expect(await ask(`${top}/d/b`)).toBe(false);
      expect(readdirSync(`${top}/d`)).toHaveLength(3);
    });

    privileged('in an opaque directory just removes the name, as nothing below shows', async () => {
      const scratch = scratchDirectory();
      const top = base(scratch);
      scratch.file('top/d/sub/more/file');
      scratch.file('top/d/b');
      makeOpaqueSync(`${top}/d`);
      for (const name of ['a', 'sub', 'b']) await make(`${top}/d/${name}`, { form });
      expect(readdirSync(`${top}/d`)).toEqual([]);
      const nothing = { listed: [], found: [] };
      expect(shown(scratch, { lower: [top, scratch.join('base')] }, 'd')).toEqual(nothing);
      expect(shown(scratch, { lower: [scratch.join('base')], upper: top }, 'd')).toEqual(nothing);
    });

    privileged('leaves a directory alone in which something is mounted or may not go', async () => {
      const scratch = scratchDirectory();
      const top = base(scratch);
      scratch.file('top/d/a/x/first');
      scratch.file('top/d/a/x/file', 'mine');
      scratch.directory('top/d/a/point');
      scratch.file('other/file', 'other');
      const attributes = xattrsOf(`${top}/d`);
      const check = async (code: string, where: string) => {
        const error = await errorOf(make(`${top}/d/a`, { form }));
        expect(error).toMatchObject({ code, path: `${top}/d/a${where}` });
        expect(readdirSync(`${top}/d`)).toEqual(['a']);
        expect(readdirSync(`${top}/d/a/x`).sort()).toEqual(['file', 'first']);
        expect(xattrsOf(`${top}/d`)).toEqual(attributes);
      };
      run('mount', '--bind', scratch.join('other'), `${top}/d/a/point`);
      await check('ERR_OVERLAY_BUSY', '/point');
      run('umount', `${top}/d/a/point`);
      run('mount', '--bind', scratch.join('other/file'), `${top}/d/a/x/file`);
      await check('ERR_OVERLAY_BUSY', '/x/file');
      run('umount', `${top}/d/a/x/file`);
      run('chattr', '+i', `${top}/d/a/x/file`);
      try {
        await check('ERR_OVERLAY_IMMUTABLE', '/x/file');
      } finally {
        run('chattr', '-i', `${top}/d/a/x/file`);
      }
      expect(readFileSync(scratch.join('other/file'), 'utf8')).toBe('other');
      await make(`${top}/d/a`, { form });
      expect(readdirSync(`${top}/d`)).toEqual(['a']);
    });
  });

  privileged('the attribute form marks the directory, and keeps a mark that is there', async () => {
    const scratch = scratchDirectory();
    const top = base(scratch);
    await make(`${top}/d/a`, { form: 'xattr' });
    expect(xattrsOf(`${top}/d`)).toMatchObject({ 'trusted.overlay.opaque': 'x' });
    await make(`${top}/d/b`, { form: 'xattr' });
    expect(xattrsOf(`${top}/d`)).toMatchObject({ 'trusted.overlay.opaque': 'x' });
    expect(statSync(`${top}/d/a`).mode & 0o777).toBe(0o644);
    await make(`${top}/u`, { form: 'xattr', userxattr: true });
    expect(xattrsOf(top)).toEqual({ 'user.overlay.opaque': 'x' });
    expect(await ask(`${top}/u`)).toBe(false);
    expect(await ask(`${top}/u`, { userxattr: true })).toBe(true);
  });

  privileged('isWhiteout takes an entry as a lookup in an overlay does', async () => {
    const scratch = scratchDirectory();
    const top = base(scratch);
    const path = scratch.file('top/d/a');
    setXattr(path, 'trusted.overlay.whiteout', 'any value');
    const found = () => shown(scratch, { lower: [top, scratch.join('base')] }, 'd').found.includes('a');
    expect([await ask(path), found()]).toEqual([true, false]);
    writeFileSync(path, 'no longer empty');
    expect([await ask(path), found()]).toEqual([false, true]);
    writeFileSync(path, '');
    removeXattr(path, 'trusted.overlay.whiteout');
    expect([await ask(path), found()]).toEqual([false, true]);
    setXattr(path, 'trusted.overlay.whiteouts', '');
    setXattr(path, 'user.overlay.whiteout', '');
    expect([await ask(path), found()]).toEqual([false, true]);
    rmSync(path);
    expect(await ask(path)).toBe(false);
    mkdirSync(path);
    setXattr(path, 'trusted.overlay.whiteout', '');
    expect([await ask(path), found()]).toEqual([false, true]);
    expect(await ask('/dev/null')).toBe(false);
  });

  privileged('at no moment is the name without the one or the other', async () => {
    const scratch = scratchDirectory();
    const path = scratch.file('top/name', 'own');
    scratch.directory('spare');
    // Word 0: stop; word 1: how often somebody looked; word 2: how often nothing was there.
    const shared = new Int32Array(new SharedArrayBuffer(12));
    const watcher = new Worker(
      `const { workerData } = require('node:worker_threads');
       const { lstatSync } = require('node:fs');
       const { shared, path } = workerData;
       while (Atomics.load(shared, 0) === 0) {
         if (lstatSync(path, { throwIfNoEntry: false }) === undefined) Atomics.add(shared, 2, 1);
         Atomics.add(shared, 1, 1);
       }`,
      { eval: true, workerData: { shared, path } },
    );
    const exchange = (from: string) => callSync('renameat2', AT_FDCWD, from, AT_FDCWD, path, 2);
    const looks = () => Atomics.load(shared, 1);
    while (looks() === 0) await setTimeout(1);
    for (const what of ['file', 'directory'])
      for (let round = 0; round < 40; round++) {
        const spare = scratch.join('spare', `${what}${round}`);
        if (what === 'file') writeFileSync(spare, 'own');
        else mkdirSync(`${spare}/in`, { recursive: true });
        exchange(spare);
        const already = looks();
        await make(path, { form: round % 2 === 0 ? 'device' : 'xattr' });
        while (looks() === already) await setTimeout(1);
        expect(await ask(path)).toBe(true);
      }
    Atomics.store(shared, 0, 1);
    await new Promise((resolve) => watcher.once('exit', resolve));
    expect(looks()).toBeGreaterThanOrEqual(80);
    expect(Atomics.load(shared, 2)).toBe(0);
  });

  test('what is wrong with a path or an option is said, and nothing is made', async () => {
    const scratch = scratchDirectory();
    scratch.file('file');
    symlinkSync('loop', scratch.join('loop'));
    const cases: [unknown, unknown, string][] = [
      [scratch.join('nowhere/x'), undefined, 'ERR_OVERLAY_NOT_FOUND'],
      [scratch.join('file/x'), undefined, 'ERR_OVERLAY_NOT_DIRECTORY'],
      [scratch.join('loop/x'), undefined, 'ERR_OVERLAY_SYMLINK_LOOP'],
      [scratch.join('x'.repeat(256)), undefined, 'ERR_OVERLAY_NAME_TOO_LONG'],
      ['/', undefined, 'ERR_OVERLAY_INVALID_PATH'],
      [`${scratch.path}/..`, undefined, 'ERR_OVERLAY_INVALID_PATH'],
      ['', undefined, 'ERR_OVERLAY_EMPTY_PATH'],
      ['a\0b', undefined, 'ERR_OVERLAY_NUL_BYTE'],
      [7, undefined, 'ERR_OVERLAY_INVALID_TYPE'],
      [scratch.join('x'), 'device', 'ERR_OVERLAY_INVALID_TYPE'],
      [scratch.join('x'), { form: 'file' }, 'ERR_OVERLAY_INVALID_VALUE'],
      [scratch.join('x'), { userxattr: 1 }, 'ERR_OVERLAY_INVALID_TYPE'],
      [scratch.join('x'), { kind: 'device' }, 'ERR_OVERLAY_UNKNOWN_OPTION'],
    ];
    for (const [path, options, code] of cases) {
      const error = await errorOf(make(path as string, options as WhiteoutOptions));
      expect(error.code, String(path)).toBe(code);
      expect(error.hint).not.toBe('');
    }
    expect(readdirSync(scratch.path).sort()).toEqual(['file', 'loop']);
  });

  test('works behind a path of more than 4,096 bytes', async () => {
    const scratch = scratchDirectory();
    let dir = scratch.path;
    const here = process.cwd();
    try {
      for (let i = 0; i < 30; i++) {
        process.chdir(dir);
        dir = 'd'.repeat(200);
        mkdirSync(dir);
      }
    } finally {
      process.chdir(here);
    }
    const deep = `${scratch.path}${`/${'d'.repeat(200)}`.repeat(30)}/gone`;
    expect(deep.length).toBeGreaterThan(6000);
    await make(deep, { form: 'device' });
    expect(await ask(deep)).toBe(true);
  });
});

privileged(
  'in an overlay, the device form is refused and the attribute form is for an overlay on top',
  () => {
    const scratch = scratchDirectory();
    const { lower, upper, work, target } = scratch.layers();
    run(
      'mount',
      '-t',
      'overlay',
      'test',
      '-o',
      `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`,
      target,
    );
    const error = captured(() => whiteoutSync(`${target}/shared`));
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_WHITEOUT_REFUSED', errno: -1, syscall: 'mknodat' });
    expect(error.message).toContain('is in an overlay');
    expect(readFileSync(`${target}/shared`, 'utf8')).toBe('lower0');
    whiteoutSync(`${target}/shared`, { form: 'xattr' });
    expect(isWhiteoutSync(`${target}/shared`)).toBe(true);
    expect(isWhiteoutSync(`${upper}/shared`)).toBe(false);
    expect(xattrsOf(`${upper}/shared`)).toMatchObject({ 'trusted.overlay.overlay.whiteout': '' });
    const nested = shownNames(scratch, `${target}:${lower[0]}`);
    expect(nested).not.toContain('shared');
    expect(nested).toContain('from-lower0');
    run('umount', target);
  },
);

function shownNames(scratch: Scratch, lowers: string): string[] {
  const point = scratch.directory('nested');
  run('mount', '-t', 'overlay', 'test', '-o', `lowerdir=${lowers}`, point);
  try {
    return readdirSync(point);
  } finally {
    run('umount', point);
  }
}

function captured(action: () => void): OverlayError {
  try {
    action();
  } catch (error) {
    expect(error).toBeInstanceOf(OverlayError);
    return error as OverlayError;
  }
  throw new Error('nothing was thrown');
}

privileged('an immutable directory, and a read-only one, are named', () => {
  const scratch = scratchDirectory();
  const { path } = tmpfsMount({ scratch });
  mkdirSync(`${path}/d`);
  run('chattr', '+i', `${path}/d`);
  try {
    for (const form of ['device', 'xattr'] as const)
      expect(captured(() => whiteoutSync(`${path}/d/x`, { form }))).toMatchObject({
        code: 'ERR_OVERLAY_IMMUTABLE',
        path: `${path}/d`,
      });
  } finally {
    run('chattr', '-i', `${path}/d`);
  }
  run('mount', '-o', 'remount,ro', path);
  for (const form of ['device', 'xattr'] as const)
    expect(captured(() => whiteoutSync(`${path}/d/x`, { form })).code).toBe('ERR_OVERLAY_LAYER_READ_ONLY');
});

privileged('a filesystem without attributes keeps no attribute form, and nothing of the attempt', () => {
  const scratch = scratchDirectory();
  const { path } = tmpfsMount({ scratch, type: 'ramfs' });
  const error = captured(() => whiteoutSync(`${path}/x`, { form: 'xattr', userxattr: true }));
  expect(error.code).toBe('ERR_OVERLAY_NO_ATTRIBUTES');
  expect(readdirSync(path)).toEqual([]);
  whiteoutSync(`${path}/x`);
  expect(isWhiteoutSync(`${path}/x`)).toBe(true);
});

privileged('makes a device on FUSE as root', () => {
  const scratch = scratchDirectory();
  const { path } = bindfsMount(scratch.directory('from'), { scratch });
  whiteoutSync(`${path}/x`);
  expect(isWhiteoutSync(`${path}/x`)).toBe(true);
});

describe('without privilege', () => {
  const script = (root: string, form: string) => `
    import { readdirSync, mkdirSync, writeFileSync, existsSync } from 'node:fs';
    import { mountSync } from 'overlayfs';
    import { whiteoutSync, isWhiteoutSync } from 'overlayfs/layer';
    const root = ${JSON.stringify(root)};
    for (const name of ['base/d', 'top/d', 'u', 'w', 'm']) mkdirSync(root + '/' + name, { recursive: true });
    for (const name of ['a', 'b']) writeFileSync(root + '/base/d/' + name, 'below');
    whiteoutSync(root + '/top/d/a', { form: ${JSON.stringify(form)} });
    const overlay = mountSync({ lower: [root + '/top', root + '/base'], upper: root + '/u', work: root + '/w', target: root + '/m', options: { userxattr: true } });
    const seen = [readdirSync(root + '/m/d'), existsSync(root + '/m/d/a')];
    overlay.unmountSync();
    console.log(JSON.stringify([isWhiteoutSync(root + '/top/d/a'), ...seen]));`;
  test.each(['device', 'xattr'])('a user namespace makes and mounts the form %s', (form) => {
    const scratch = scratchDirectory();
    chmodSync(scratch.path, 0o777);
    const under = ['unshare', '--user', '--map-root-user', '--mount'];
    const outcome = asNobody(script(`${scratch.path}/own`, form), { under });
    expect(printedJson(outcome)).toEqual([true, ['b'], false]);
  });
  test('trusted attributes are out of reach, and that is said', () => {
    const scratch = scratchDirectory();
    chmodSync(scratch.path, 0o777);
    const outcome = asNobody(`
      import { readdirSync } from 'node:fs';
      import { whiteoutSync, makeOpaqueSync } from 'overlayfs/layer';
      const dir = ${JSON.stringify(scratch.path)};
      const code = (action) => { try { action(); } catch (error) { return [error.name, error.code]; } };
      import { mkdirSync } from 'node:fs';
      mkdirSync(dir + '/own');
      console.log(JSON.stringify([
        code(() => whiteoutSync(dir + '/own/x', { form: 'xattr', userxattr: false })),
        code(() => makeOpaqueSync(dir + '/own', { userxattr: false })),
        readdirSync(dir + '/own')]));`);
    const refused = ['OverlayError', 'ERR_OVERLAY_NEEDS_TRUSTED'];
    expect(printedJson(outcome)).toEqual([refused, refused, []]);
  });
  test('a kernel that wants CAP_MKNOD for it is told from a filesystem without device nodes', () => {
    const scratch = scratchDirectory();
    chmodSync(scratch.path, 0o777);
    const of = (rules: string[]) =>
      printedJson<[string, string]>(
        runFaked(
          rules,
          `import { whiteoutSync } from 'overlayfs/layer';
          import { readdirSync } from 'node:fs';
          try { whiteoutSync(${JSON.stringify(scratch.join('x'))}); } catch (error) {
            console.log(JSON.stringify([error.code, error.message]));
          }`,
        ),
      );
    const char = `mknodat@2:${S_IFCHR}=EPERM`;
    if (process.geteuid!() === 0) expect(of([char])[0]).toBe('ERR_OVERLAY_UNEXPLAINED');
    else expect(of([char])[1]).toContain('CAP_MKNOD');
    const [code, message] = of(['mknodat=EPERM']);
    expect(code).toBe('ERR_OVERLAY_WHITEOUT_REFUSED');
    expect(message).toContain('holds no device nodes');
    expect(readdirSync(scratch.path)).toEqual([]);
  });
  test('when a part of what it replaced cannot be removed, the whiteout is there and the rest is named', () => {
    const scratch = scratchDirectory();
    scratch.file('d/stubborn', 'mine');
    const outcome = runFaked(
      ['unlinkat:stubborn=EIO'],
      `import { whiteoutSync, isWhiteoutSync } from 'overlayfs/layer';
       const path = ${JSON.stringify(scratch.join('d'))};
       try { whiteoutSync(path); } catch (error) { console.log(JSON.stringify([error.code, error.path, isWhiteoutSync(path)])); }`,
    );
    const [code, remains, replaced] = printedJson<[string, string, boolean]>(outcome);
    expect([code, replaced]).toEqual(['ERR_OVERLAY_REMAINS', true]);
    expect(readFileSync(`${remains}/stubborn`, 'utf8')).toBe('mine');
    expect(readdirSync(scratch.path)).toHaveLength(2);
  });
  test('where names cannot be exchanged, a directory stays as it is', () => {
    const scratch = scratchDirectory();
    scratch.file('d/file', 'mine');
    const outcome = runFaked(
      ['renameat2@4:2=EINVAL'],
      `import { whiteoutSync } from 'overlayfs/layer';
       try { whiteoutSync(${JSON.stringify(scratch.join('d'))}); } catch (error) { console.log(JSON.stringify(error.code)); }`,
    );
    expect(printedJson(outcome)).toBe('ERR_OVERLAY_NO_EXCHANGE');
    expect(readdirSync(scratch.path)).toEqual(['d']);
    expect(readFileSync(scratch.join('d/file'), 'utf8')).toBe('mine');
  });
});
