// Every rung of the ladder, reached on this kernel by calls that a seccomp filter makes fail, with the best rung's result.
import { readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { RUNGS } from '../../lib/mount/ladder.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

interface Result {
  readonly via?: string;
  readonly fallbacks?: readonly string[];
  readonly names?: readonly string[];
  readonly written?: string;
  readonly entry?: Record<string, unknown>;
  readonly error?: { readonly code: string; readonly option?: string; readonly message: string };
  readonly left: readonly string[];
}

/** Mounts the spec, writes if it can, unmounts; twice, since a thread learns from its first failed mount. */
const script = `
  import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { listSync, mountSync } from 'overlayfs';
  const { attachTo, ...spec } = JSON.parse(process.argv[1]);
  const descriptors = () => readdirSync('/proc/self/fd').length;
  function round() {
    try {
      const overlay = mountSync(spec);
      try {
      if (attachTo !== undefined) overlay.attachSync(attachTo);
      const { path, via, fallbacks } = overlay;
      const names = readdirSync(path).sort();
      let written;
      try { writeFileSync(path + '/new', 'text'); written = readFileSync(path + '/new', 'utf8'); }
      catch (error) { written = error.code; }
      const entry = listSync().find(({ target }) => target === path);
      if (entry) { delete entry.id; delete entry.parentId; }
      return { via, fallbacks, names, written, entry };
      } finally { overlay.unmountSync(); }
    } catch ({ code, option, message }) { return { error: { code, option, message } }; }
  }
  round();
  const before = descriptors();
  const result = round();
  const left = readdirSync(tmpdir()).filter((name) => /foothold|empty-lower/.test(name));
  if (descriptors() !== before) left.push('descriptors');
  console.log(JSON.stringify({ ...result, left }));`;

type AnySpec = MountSpec & { attachTo?: string };
const mounted = (rules: readonly string[], spec: AnySpec): Result => {
  const args = [JSON.stringify(spec)];
  return printedJson<Result>(
    rules.length === 0 ? runNode(script, { args }) : runFaked(rules, script, { args }),
  );
};

const {
  withoutLayerDescriptors,
  withoutLayerKeys,
  withoutNewMountApi,
  withoutMountSetattr,
  withoutStatmount,
} = kernels;

const scratchLayers = (lower: number) => {
  const scratch = scratchDirectory();
  const { target, ...layers } = scratch.layers({ lower });
  return { scratch, layers, target };
};

/** Names that make a lowerdir string longer than a page, but not one layer longer than fsconfig takes. */
const manyLowers = (count: number, length: number) => {
  const scratch = scratchDirectory();
  const lower = Array.from({ length: count }, (_, i) => scratch.directory(`${i}-`.padEnd(length, 'x')));
  lower.forEach((path, i) => {
    scratch.file(`${path.slice(scratch.path.length)}/in-${i}`);
  });
  const { upper, work, target } = scratch.layers({ lower: 0 });
  return { scratch, lower, upper, work, target };
};

describePrivileged('the ladder', () => {
  const older: [string, readonly string[], 'fsopen' | 'mount', RegExp[]][] = [
    ['this kernel', [], 'fsopen', []],
    [
      'without layers as descriptors',
      withoutLayerDescriptors,
      'fsopen',
      [/^layer descriptors: fsconfig\(.*SET_FD.*EINVAL/],
    ],
    [
      'without lowerdir+ and layers as descriptors',
      [...withoutLayerKeys, ...withoutLayerDescriptors],
      'fsopen',
      [
        /^layer descriptors: fsconfig\(.*"lowerdir\+".*EINVAL/,
        /^lowerdir\+ strings: fsconfig\(.*"lowerdir\+"/,
      ],
    ],
    [
      'without the new mount API',
      withoutNewMountApi,
      'mount',
      [/^layer descriptors: fsopen\(.*ENOSYS/, /^lowerdir\+ strings: fsopen/, /^one lowerdir string: fsopen/],
    ],
    [
      'without fsopen but with open_tree and move_mount',
      ['fsopen=ENOSYS', 'fsconfig=ENOSYS', 'fsmount=ENOSYS'],
      'mount',
      [/^layer descriptors: fsopen/, /^lowerdir\+ strings: fsopen/, /^one lowerdir string: fsopen/],
    ],
    ['a filter that answers EPERM', ['fsopen=EPERM'], 'mount', [/EPERM/, /EPERM/, /EPERM/]],
    ['without statmount', withoutStatmount, 'fsopen', []],
    [
      'of Linux 5.4',
      [...withoutNewMountApi, ...withoutMountSetattr, ...withoutStatmount],
      'mount',
      [/./, /./, /./],
    ],
  ];

  describe.each(older)('%s', (_, rules, via, reasons) => {
    const expectResult = (result: Result, best: Result) => {
      expect(result).toEqual({
        ...best,
        via,
        fallbacks: reasons.map((reason) => expect.stringMatching(reason)),
      });
    };

    // Of no more than fit into the 255 bytes of one lowerdir string, with a TMPDIR of usual length.
    test.each([1, 2])('mounts %i lowers writable as the best rung does, and says why not by it', (count) => {
      const [now, then] = [scratchLayers(count), scratchLayers(count)];
      const strip = (result: Result, { path }: { path: string }) =>
        JSON.parse(JSON.stringify(result).replaceAll(path, '')) as Result;
      const best = strip(mounted([], { ...now.layers, target: now.target }), now.scratch);
      expect(best).toMatchObject({
        written: 'text',
        entry: { lower: expect.anything(), unknown: [] },
        left: [],
      });
      expectResult(strip(mounted(rules, { ...then.layers, target: then.target }), then.scratch), best);
    });

    test('mounts a view of one lower', () => {
      const { layers, target } = scratchLayers(1);
      const spec = { lower: layers.lower, target };
      const best = mounted([], spec);
      expect(best).toMatchObject({ written: 'EROFS', names: ['dir', 'from-lower0', 'shared'], left: [] });
      // Both layers have a name, so that nobody misses descriptors.
      const named = rules === withoutLayerDescriptors;
      expect(mounted(rules, spec)).toEqual({
        ...best,
        via,
        fallbacks: named ? [] : reasons.map((reason) => expect.stringMatching(reason)),
      });
    });

    test('mounts detached, attaches later where the kernel can, with attributes and propagation', () => {
      const { layers, scratch, target } = scratchLayers(2);
      const spec: AnySpec = {
        ...layers,
        attributes: { readOnly: true, nodev: true },
        propagation: 'unbindable',
      };
      const detached = mounted(rules, spec);
      expect(detached).toMatchObject({
        via,
        names: expect.arrayContaining(['shared']),
        written: 'EROFS',
        left: [],
      });
      const later = mounted(rules, { ...spec, attachTo: target });
      if (rules.includes('open_tree=ENOSYS')) {
        expect(later.error).toMatchObject({ code: 'ERR_OVERLAY_NOT_ATTACHABLE', option: 'target' });
      } else {
        const attached = mounted([], { ...spec, attachTo: target });
        expect(later.entry).toEqual(attached.entry);
        expect(later.entry).toMatchObject({
          attributes: { readOnly: true, nodev: true },
          propagation: 'unbindable',
        });
      }
      expect(readdirSync(scratch.join('upper'))).toEqual([]);
    });

    test('mounts with attributes, propagation, options and an own work directory', () => {
      const { layers, target, scratch } = scratchLayers(1);
      const spec: MountSpec = {
        lower: layers.lower,
        upper: layers.upper,
        target,
        attributes: { nosuid: true, noatime: true },
        propagation: 'shared',
        options: { index: true, volatile: true },
        trustVolatile: true, // in the second round the upper was a volatile one's already
      };
      expect(mounted(rules, spec)).toMatchObject({
        written: 'text',
        entry: {
          attributes: { nosuid: true, noatime: true },
          propagation: 'shared',
          options: { index: true, volatile: true },
        },
        left: [],
      });
      expect(readdirSync(scratch.path).filter((name) => name.startsWith('.'))).toEqual([]);
    });
  });

  test('without mount_setattr, propagation takes mount(2), and all else stays as it is', () => {
    const { layers, target } = scratchLayers(1);
    expect(mounted(withoutMountSetattr, { ...layers, target })).toMatchObject({
      via: 'fsopen',
      fallbacks: [],
    });
    const shared = mounted(withoutMountSetattr, { ...layers, target, propagation: 'shared' });
    expect(shared).toMatchObject({ via: 'mount', entry: { propagation: 'shared' }, left: [] });
    expect(shared.fallbacks).toHaveLength(3);
    expect(shared.fallbacks![0]).toMatch(/^layer descriptors: mount_setattr\(.*ENOSYS/);
  });

  test('layers that are only descriptors go as /proc/self/fd where no call takes them', () => {
    const { layers, target } = scratchLayers(1);
    const opening = script
      .replace(
        'const { attachTo, ...spec }',
        `import { openSync } from 'node:fs';
       const { attachTo, ...paths }`,
      )
      .replace(
        'const descriptors',
        `
       const opened = (path) => ({ fd: openSync(path, 'r') });
       const spec = { ...paths, lower: paths.lower.map(opened), upper: opened(paths.upper), work: opened(paths.work) };
       const descriptors`,
      );
    for (const rules of [
      withoutLayerDescriptors,
      [...withoutLayerKeys, ...withoutLayerDescriptors],
      withoutNewMountApi,
    ]) {
      const args = [JSON.stringify({ ...layers, target })];
      const result = printedJson<Result>(runFaked(rules, opening, { args }));
      expect(result).toMatchObject({ written: 'text', left: [] });
      const unknown = result.entry!.unknown as { option: string }[];
      expect(unknown.map(({ option }) => option)).toEqual(['lower', 'upper', 'work']);
    }
  });

  describe('when the text is long', () => {
    test('one lowerdir string over 255 bytes goes to mount(2)', () => {
      const { lower, upper, work, target } = manyLowers(3, 120);
      const result = mounted(withoutLayerKeys, { lower, upper, work, target });
      expect(result).toMatchObject({ via: 'mount', entry: { lower, upper, work, unknown: [] }, left: [] });
      expect(result.fallbacks!.at(-1)).toBe(
        'one lowerdir string: the lowerdir string is longer than the 255 bytes that fsconfig takes',
      );
    });

    test('option text over a page goes by /proc/self/fd, and list() says that it cannot know the layers', () => {
      const { lower, upper, work, target } = manyLowers(40, 150);
      const result = mounted(withoutNewMountApi, { lower, upper, work, target });
      expect(result).toMatchObject({ via: 'mount', written: 'text', left: [] });
      expect(result.names).toEqual(expect.arrayContaining(lower.map((_, i) => `in-${i}`)));
      expect(result.fallbacks!.at(-1)).toMatch(
        /^mount\(2\): the option text has \d+ bytes, and mount\(2\) takes 4095$/,
      );
      expect(result.entry!.unknown).toHaveLength(40);
      expect(result.entry).toMatchObject({ upper, work });
    });

    test('via: mount goes there too', () => {
      const { lower, upper, work, target } = manyLowers(40, 150);
      expect(mounted([], { lower, upper, work, target, via: 'mount' })).toMatchObject({
        via: 'mount',
        written: 'text',
        left: [],
      });
    });

    test('more layers than even numbers fit for are refused, and nothing is left', () => {
      const { lower, target } = manyLowers(300, 20);
      expect(mounted(withoutNewMountApi, { lower, target })).toMatchObject({
        error: { code: 'ERR_OVERLAY_TOO_LONG', option: 'lower' },
        left: [],
      });
    });
  });

  describe('via', () => {
    test('forces a family', () => {
      const { layers, target } = scratchLayers(1);
      for (const via of ['fsopen', 'mount'] as const) {
        expect(mounted([], { ...layers, target, via })).toMatchObject({
          via,
          fallbacks: [],
          written: 'text',
        });
      }
    });

    test("'fsopen' on a kernel without it is an error with the reason, not a mount(2)", () => {
      const { layers, target } = scratchLayers(1);
      const { error, left } = mounted(withoutNewMountApi, { ...layers, target, via: 'fsopen' });
      expect(error?.message).toMatch(/fsopen\(.*ENOSYS/);
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_NO_WAY', option: 'via' });
      expect(left).toEqual([]);
    });
  });

  test('EMFILE says nothing of a way: no other is tried, and the next mount takes the best one', () => {
    const { layers, target } = scratchLayers(1);
    const twice = `
      import { mountSync } from 'overlayfs';
      const spec = JSON.parse(process.argv[1]);
      const round = () => {
        try { const overlay = mountSync(spec); overlay.unmountSync(); return overlay.fallbacks.length; }
        catch ({ code }) { return code; }
      };
      console.log(JSON.stringify([round(), round()]));`;
    const rules = Array<string>(2).fill('fsopen#1=EMFILE');
    const told = printedJson(runFaked(rules, twice, { args: [JSON.stringify({ ...layers, target })] }));
    expect(told).toEqual(['ERR_OVERLAY_TOO_MANY_OPEN_FILES', 0]);
  });

  test.each(['ENFILE', 'ENOMEM', 'ENODEV', 'EPERM'])(
    'a passing %s from fsopen is not taken for an old kernel for ever',
    (errno) => {
      const { layers, target } = scratchLayers(1);
      const once = `
        import { mountSync } from 'overlayfs';
        const spec = JSON.parse(process.argv[1]);
        const round = () => { const overlay = mountSync(spec); overlay.unmountSync(); return overlay.fallbacks.length; };
        console.log(JSON.stringify([round(), round()]));`;
      // The mount's own call, that of the second try, and in the look that follows the next one: a rule counts what those
      // before it let pass.
      const rules = Array<string>(3).fill(`fsopen#1=${errno}`);
      const args = [JSON.stringify({ ...layers, target })];
      expect(printedJson(runFaked(rules, once, { args }))).toEqual([1, 0]);
    },
  );
});

describe('what each rung allows', () => {
  const obstacles = (spec: object, known?: Partial<Record<string, string>>) =>
    RUNGS.map(({ name, obstacle }) => [name, obstacle(readSpec(spec), known as never) === undefined]);

  test('all of them take short paths on a kernel that is not known', () => {
    expect(obstacles({ lower: ['/a', '/b'], upper: '/u', work: '/w' })).toEqual(
      RUNGS.map(({ name }) => [name, true]),
    );
  });
  test('strings want short paths, upper and work counted with their escapes', () => {
    const long = `/${'a'.repeat(300)}`;
    expect(obstacles({ lower: long, upper: '/u', work: '/w' })).toEqual([
      ['layer descriptors', true],
      ['lowerdir+ strings', false],
      ['one lowerdir string', false],
      ['mount(2)', true],
      ['mount(2) with /proc/self/fd', true],
    ]);
    const escaped = `/${'\\'.repeat(150)}`;
    expect(obstacles({ lower: '/l', upper: escaped, work: '/w' })[1]).toEqual(['lowerdir+ strings', false]);
    expect(obstacles({ lower: escaped, upper: '/u', work: '/w' })[1]).toEqual(['lowerdir+ strings', true]);
  });
  test('descriptors are only needed where something has to be one', () => {
    const known = { layerDescriptors: 'refused' };
    expect(obstacles({ lower: ['/a', '/b'] }, known)[0]).toEqual(['layer descriptors', true]);
    expect(obstacles({ lower: ['/a', { fd: 3 }] }, known)[0]).toEqual(['layer descriptors', false]);
    expect(obstacles({ lower: `/${'x'.repeat(255)}` }, known)[0]).toEqual(['layer descriptors', false]);
    expect(obstacles({ lower: '/a', upper: '/u', work: '/w' }, known)[0]).toEqual([
      'layer descriptors',
      false,
    ]);
  });
});
