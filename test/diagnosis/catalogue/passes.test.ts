// What the kernel mounts and so does mount(): rows of the catalogue that nobody refuses, with all that explain() says of them.
import { mkdirSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { explain, explainSync } from '../../../lib/mount/explain.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { ways } from '../../mount/forms.ts';
import { run } from '../../support/command.ts';
import { bindfsMount, loopFilesystem, tmpfsMount } from '../../support/filesystems.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';

type Build = (layers: LayerDirectories, scratch: Scratch) => MountSpec;

/** Upper and work on that filesystem. */
function on(path: string, layers: LayerDirectories): MountSpec {
  for (const name of ['u', 'w']) mkdirSync(`${path}/${name}`);
  return { ...layers, upper: `${path}/u`, work: `${path}/w` };
}

function noexec(scratch: Scratch): string {
  const { path } = tmpfsMount({ scratch });
  run('mount', '-o', 'remount,noexec', path);
  return path;
}

function immutable(scratch: Scratch): string {
  const upper = scratch.directory('immutable');
  run('chattr', '+i', upper);
  onTestFinished(() => void run('chattr', '-i', upper));
  return upper;
}

const rows: readonly (readonly [id: string, name: string, says: readonly string[], build: Build])[] = [
  ['A21', 'plain layers', [], (layers) => layers],
  [
    'A23',
    'symlinks to directories',
    [],
    (layers, scratch) => {
      const link = (name: string, to: string) => {
        symlinkSync(to, scratch.join(name));
        return scratch.join(name);
      };
      const { lower, upper, target } = layers;
      return { ...layers, lower: [link('l', lower[0]!)], upper: link('u', upper), target: link('m', target) };
    },
  ],
  [
    'D08',
    'a lower on an overlay',
    [],
    (layers, scratch) => {
      const target = scratch.directory('below');
      mountSync({ lower: layers.lower, target });
      return { ...layers, lower: target };
    },
  ],
  [
    'D11',
    'a path longer than a page holds',
    [],
    (layers) => ({ ...layers, lower: `${layers.lower[0]!}${'/.'.repeat(1000)}` }),
  ],
  ['E11', 'the target is a lower', [], (layers) => ({ ...layers, target: layers.lower[0]! })],
  [
    'E12',
    'the target in a lower',
    ['TARGET_IN_LAYER target'],
    (layers, scratch) => ({ ...layers, target: scratch.directory('lower0/mnt') }),
  ],
  [
    'E14',
    'upper and work exchanged',
    ['UPPER_IS_OLD_WORK upper'],
    (layers, scratch) => {
      const { upper, work } = layers;
      mountSync(layers).unmountSync();
      scratch.file('upper/file');
      return { ...layers, upper: work, work: upper };
    },
  ],
  ['F10', 'upper on tmpfs', [], (layers, scratch) => on(tmpfsMount({ scratch }).path, layers)],
  ['F11', 'upper on xfs', [], (layers, scratch) => on(loopFilesystem('xfs', { scratch }).path, layers)],
  ['F13', 'upper on btrfs', [], (layers, scratch) => on(loopFilesystem('btrfs', { scratch }).path, layers)],
  [
    'F15',
    'upper on ramfs',
    ['NO_ATTRIBUTES upper'],
    (layers, scratch) => on(tmpfsMount({ type: 'ramfs', scratch }).path, layers),
  ],
  ['F23', 'a lower on sysfs', [], (layers) => ({ ...layers, lower: '/sys/kernel/irq' })],
  [
    'F24',
    'a lower on squashfs',
    [],
    (layers, scratch) => ({ ...layers, lower: loopFilesystem('squashfs', { scratch }).path }),
  ],
  [
    'F26',
    'a lower on FUSE',
    [],
    (layers, scratch) => ({ ...layers, lower: bindfsMount(layers.lower[0]!, { scratch }).path }),
  ],
  [
    'F29-upper',
    'an immutable upper',
    ['UPPER_CLOSED upper'],
    (layers, scratch) => ({ ...layers, upper: immutable(scratch) }),
  ],
  [
    'F31',
    'a work directory with other things in it',
    [],
    (layers, scratch) => {
      scratch.file('work/notes.txt');
      return layers;
    },
  ],
  [
    'F38',
    'userxattr on tmpfs',
    [],
    (layers, scratch) => ({ ...on(tmpfsMount({ scratch }).path, layers), options: { userxattr: true } }),
  ],
  [
    'G12',
    'a lower that another overlay reads',
    [],
    (layers, scratch) => {
      mountSync({ lower: layers.lower, target: scratch.directory('first') });
      return layers;
    },
  ],
  ['I08', 'metacopy alone', [], (layers) => ({ ...layers, options: { metacopy: true } })],
  ['I12', 'verity without fs-verity', [], (layers) => ({ ...layers, options: { verity: 'require' } })],
  [
    'I20',
    'a data layer with metacopy',
    [],
    ({ lower, ...layers }) => ({
      ...layers,
      lower: lower[0]!,
      data: [lower[1]!],
      options: { metacopy: true },
    }),
  ],
  ['I31', 'xino on one filesystem', [], (layers) => ({ ...layers, options: { xino: 'on' } })],
  [
    'I31-two',
    'xino over two filesystems',
    [],
    (layers, scratch) => ({
      ...layers,
      lower: [layers.lower[0]!, tmpfsMount({ scratch }).path],
      options: { xino: 'on' },
    }),
  ],
  [
    'K01',
    'a target that is not empty',
    ['TARGET_NOT_EMPTY target'],
    (layers, scratch) => {
      scratch.file('target/file');
      return layers;
    },
  ],
  [
    'K02',
    'a target that is an overlay',
    ['TARGET_IS_OVERLAY target'],
    (layers) => {
      mountSync({ lower: layers.lower, target: layers.target });
      return layers;
    },
  ],
  [
    'M03',
    'a lower on a noexec mount',
    ['NOEXEC_LOST lower 0'],
    (layers, scratch) => ({ ...layers, lower: noexec(scratch) }),
  ],
];

describe('what mounts', () => {
  for (const [id, name, says, build] of rows) {
    privileged(`${id} ${name}`, async () => {
      for (const [, form, via] of ways) {
        const scratch = scratchDirectory();
        const spec = build(scratch.layers({ lower: 2 }), scratch);
        const found = [await explain({ ...spec, via }), explainSync(spec)].map((all) =>
          all.map(({ code, option, index }) =>
            [code.slice(12), option, index].filter((part) => part !== undefined).join(' '),
          ),
        );
        expect(found).toEqual([says, says]);
        const overlay = await form.mount({ ...spec, via });
        if (id.startsWith('I31')) {
          const device = ({ dev }: { dev: number }) => dev;
          // With inode numbers of its own a file has the device of its overlay.
          expect(device(statSync(`${overlay.path}/shared`))).toBe(device(statSync(overlay.path)));
        }
        await form.end(overlay);
      }
    });
  }
});
