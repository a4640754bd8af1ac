// Rows D04, F20, F21, F28 to F30, K05 and K06 of the catalogue: lengths, places where nothing can be made, targets that are gone.
import { chmodSync, closeSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished } from 'vitest';
import { explainSync } from '../../../lib/mount/explain.ts';
import { ways } from '../../mount/forms.ts';
import { run } from '../../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../../support/filesystems.ts';
import { fillUp } from '../../support/full-filesystem.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';
import { type Condition, type Expected, holds } from './condition.ts';

function pair(path: string): { upper: string; work: string } {
  for (const name of ['u', 'w']) mkdirSync(`${path}/${name}`);
  return { upper: `${path}/u`, work: `${path}/w` };
}

function fixed(path: string): string {
  run('chattr', '+i', path);
  onTestFinished(() => void run('chattr', '-R', '-i', path));
  return path;
}

const readOnly = (work: string): Expected => ({
  code: 'ERR_OVERLAY_BECAME_READ_ONLY',
  option: 'work',
  path: work,
  early: true,
});

function full(id: string, name: string, filesystem: (scratch: Scratch) => string): Condition {
  return {
    id,
    name,
    build: (layers, scratch) => {
      const places = pair(filesystem(scratch));
      fillUp(`${places.upper}/filler`, 1 << 25);
      return [{ ...layers, ...places }, readOnly(places.work)];
    },
  };
}

function closed(scratch: Scratch): string {
  const path = scratch.directory('gone');
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  rmdirSync(path);
  return `/proc/self/fd/${fd}`;
}

/** A directory whose path has that many bytes. */
function ofLength(scratch: Scratch, bytes: number): string {
  const first = scratch.directory('p'.repeat(120));
  return scratch.directory('p'.repeat(120), 'q'.repeat(bytes - first.length - 1));
}

describe('D04 a value of fsconfig(2) has 255 bytes, a path may have more', () => {
  for (const [name, form, via] of ways) {
    for (const bytes of [255, 256]) {
      privileged(`${name}, ${bytes} bytes`, async () => {
        const scratch = scratchDirectory();
        const { lower, target } = scratch.layers();
        const long = ofLength(scratch, bytes);
        expect(long).toHaveLength(bytes);
        const spec = { lower: [lower[0]!, long], ...pair(long), target };
        const overlay = await form.mount({ lower: [lower[0]!, long], target, via });
        await form.end(overlay);
        const written = await form.mount({ ...spec, lower, via });
        await form.end(written);
      });
    }
  }
});

holds('lengths', [
  {
    id: 'D04',
    name: 'a lower of 256 bytes that is a file',
    build: ({ lower, target }, scratch) => {
      const path = `${ofLength(scratch, 250)}/file.`;
      writeFileSync(path, '');
      expect(path).toHaveLength(256);
      return [
        { lower: [lower[0]!, path], target },
        { code: 'ERR_OVERLAY_NOT_DIRECTORY', option: 'lower', index: 1, path },
      ];
    },
  },
  {
    id: 'D04-option',
    name: 'an option of 256 bytes',
    build: (layers) => [
      { ...layers, options: { raw: { some_option: 'x'.repeat(256) } } },
      { code: 'ERR_OVERLAY_OPTION_REFUSED', option: 'some_option' },
    ],
  },
]);

holds('no room to work', [
  full('F28', 'no inode left', (scratch) => tmpfsMount({ inodes: 20, scratch }).path),
  full(
    'F28-blocks',
    'no block left',
    (scratch) => loopFilesystem('ext4', { sizeMiB: 8, mkfs: ['-b', '1024', '-m', '0'], scratch }).path,
  ),
  {
    id: 'F28-alone',
    name: 'no inode left for a work directory of our own',
    build: ({ lower, target }, scratch) => {
      const { upper } = pair(tmpfsMount({ inodes: 3, scratch }).path);
      return [
        { lower, upper, target },
        { code: 'ERR_OVERLAY_NO_SPACE', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F28-quota',
    name: 'a quota is used up',
    build: (layers, scratch) => {
      const places = quotaUsedUp(scratch);
      return [{ ...layers, ...places }, readOnly(places.work)];
    },
  },
  {
    id: 'F28-quota-alone',
    name: 'a quota is used up, work left out',
    build: ({ lower, target }, scratch) => {
      const { upper } = quotaUsedUp(scratch);
      return [
        { lower, upper, target },
        { code: 'ERR_OVERLAY_QUOTA', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F29',
    name: 'an immutable work directory',
    build: (layers) => [layers, readOnly(fixed(layers.work))],
  },
  {
    id: 'F29-alone',
    name: 'an immutable directory around the upper',
    build: ({ lower, target }, scratch) => {
      const upper = scratch.directory('around', 'upper');
      fixed(scratch.join('around'));
      return [
        { lower, upper, target },
        { code: 'ERR_OVERLAY_NO_WORK', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F30',
    name: 'a leftover that cannot be removed',
    build: (layers) => {
      mkdirSync(`${layers.work}/work`);
      writeFileSync(`${layers.work}/work/keep`, '');
      fixed(`${layers.work}/work/keep`);
      chmodSync(`${layers.work}/work`, 0);
      return [layers, readOnly(layers.work)];
    },
  },
  {
    id: 'F36-work',
    name: 'a work directory that was removed',
    build: (layers, scratch) => {
      const work = closed(scratch);
      return [{ ...layers, work }, readOnly(work)];
    },
  },
  {
    id: 'F21',
    name: 'upper and work on sysfs',
    build: (layers) => [{ ...layers, upper: '/sys/kernel', work: '/sys/module' }, readOnly('/sys/module')],
  },
  {
    id: 'F20',
    name: 'upper and work on procfs',
    build: (layers) => [
      { ...layers, upper: '/proc/sys', work: '/proc/fs' },
      { code: 'ERR_OVERLAY_PROC_LAYER', option: 'upper', path: '/proc/sys' },
    ],
  },
]);

function quotaUsedUp(scratch: Scratch): { upper: string; work: string } {
  const { path } = loopFilesystem('btrfs', { scratch });
  run('btrfs', 'subvolume', 'create', `${path}/limited`);
  const places = pair(`${path}/limited`);
  run('btrfs', 'quota', 'enable', path);
  // It counts in the background what was there.
  run('btrfs', 'quota', 'rescan', '-w', path);
  run('btrfs', 'qgroup', 'limit', '1M', `${path}/limited`);
  fillUp(`${places.upper}/filler`, 1 << 25);
  return places;
}

holds('targets', [
  {
    id: 'K06',
    name: 'a target that was removed',
    build: ({ lower, target: _, ...rest }, scratch) => {
      const target = closed(scratch);
      return [
        { lower, ...rest, target },
        { code: 'ERR_OVERLAY_TARGET_REMOVED', option: 'target', path: target },
      ];
    },
  },
]);

describe('what looks like no room and is enough', () => {
  type Make = (layers: LayerDirectories, scratch: Scratch) => { upper: string; work: string };
  const enough: [string, Make][] = [
    [
      'tmpfs without a block: directories need none',
      (_, scratch) => {
        const { path } = tmpfsMount({ size: '64k', scratch });
        const places = pair(path);
        expect(() => writeFileSync(`${path}/filler`, Buffer.alloc(1 << 20))).toThrow('ENOSPC');
        return places;
      },
    ],
    [
      'a leftover of the driver',
      (layers) => {
        mkdirSync(`${layers.work}/work`, 0);
        return layers;
      },
    ],
  ];
  for (const [name, make] of enough) {
    privileged(name, async () => {
      const scratch = scratchDirectory();
      const layers = scratch.layers();
      const spec = { ...layers, ...make(layers, scratch) };
      expect(explainSync(spec)).toEqual([]);
      for (const [, form, via] of ways) await form.end(await form.mount({ ...spec, via }));
    });
  }
});
