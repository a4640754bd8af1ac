// Rows F, G and H of the catalogue: uppers and work directories that the kernel refuses.
import { cpSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import { bindfsMount, loopFilesystem, tmpfsMount } from '../../support/filesystems.ts';
import { type Condition, holds } from './condition.ts';

/** Mounts and unmounts once, so that the kernel leaves in upper and work what it leaves. */
function used(spec: MountSpec): void {
  mountSync(spec).unmountSync();
}

function both(path: string): { upper: string; work: string } {
  for (const name of ['u', 'w']) mkdirSync(`${path}/${name}`);
  return { upper: `${path}/u`, work: `${path}/w` };
}

function readOnlyImage(kind: 'squashfs' | 'erofs', id: string): Condition {
  return {
    id,
    name: `upper on ${kind}`,
    build: (layers, scratch) => {
      const from = scratch.directory('from');
      both(from);
      const { path } = loopFilesystem(kind, { scratch, from });
      const spec = { ...layers, upper: `${path}/u`, work: `${path}/w` };
      return [spec, { code: 'ERR_OVERLAY_UPPER_READ_ONLY', option: 'upper', path: spec.upper }];
    },
  };
}

holds('filesystems of the upper', [
  readOnlyImage('squashfs', 'F17'),
  readOnlyImage('erofs', 'F34'),
  {
    id: 'D10',
    name: 'upper on an overlay',
    build: (layers, scratch) => {
      mountSync({ ...layers, target: scratch.directory('below') });
      const { upper, work } = both(scratch.join('below'));
      return [
        { ...layers, upper, work },
        { code: 'ERR_OVERLAY_UPPER_ON_OVERLAY', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F01',
    name: 'work on another filesystem',
    build: (layers, scratch) => {
      const work = tmpfsMount({ scratch }).path;
      return [
        { ...layers, work },
        { code: 'ERR_OVERLAY_WORK_ON_OTHER_MOUNT', option: 'work', path: work },
      ];
    },
  },
  {
    id: 'F02',
    name: 'work through a bind mount',
    build: (layers, scratch) => {
      const work = scratch.directory('bound');
      run('mount', '--bind', layers.work, work);
      return [
        { ...layers, work },
        { code: 'ERR_OVERLAY_WORK_ON_OTHER_MOUNT', option: 'work', path: work },
      ];
    },
  },
  {
    id: 'F16',
    name: 'upper on FUSE without whiteouts',
    build: (layers, scratch) => {
      const { path } = bindfsMount(scratch.directory('behind'), { scratch });
      const { upper, work } = both(path);
      return [
        { ...layers, upper, work },
        { code: 'ERR_OVERLAY_UPPER_UNFIT', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F18',
    name: 'upper on a filesystem that was remounted read-only',
    build: (layers, scratch) => {
      const { path } = loopFilesystem('ext4', { scratch });
      const { upper, work } = both(path);
      run('mount', '-o', 'remount,ro', path);
      return [
        { ...layers, upper, work },
        { code: 'ERR_OVERLAY_UPPER_READ_ONLY', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'F19',
    name: 'upper through a read-only bind mount',
    build: (layers, scratch) => {
      const bound = scratch.directory('bound');
      both(scratch.directory('behind'));
      run('mount', '--bind', scratch.join('behind'), bound);
      run('mount', '-o', 'remount,bind,ro', bound);
      return [
        { ...layers, upper: `${bound}/u`, work: `${bound}/w` },
        { code: 'ERR_OVERLAY_UPPER_READ_ONLY', option: 'upper', path: `${bound}/u` },
      ];
    },
  },
  {
    id: 'F33',
    name: 'upper is a whole filesystem, work in it',
    build: (layers, scratch) => {
      const { path } = tmpfsMount({ scratch });
      mkdirSync(`${path}/work`);
      return [
        { ...layers, upper: path, work: `${path}/work` },
        { code: 'ERR_OVERLAY_WORK_IN_UPPER', option: 'work', path: `${path}/work` },
      ];
    },
  },
  {
    id: 'F33-alone',
    name: 'upper is a whole filesystem, work left out',
    build: ({ lower, target }, scratch) => {
      const { path } = tmpfsMount({ scratch });
      return [
        { lower, upper: path, target },
        { code: 'ERR_OVERLAY_NO_WORK', option: 'upper', path, early: true },
      ];
    },
  },
  {
    id: 'J10-upper',
    name: 'upper on an unbindable mount',
    build: (layers, scratch) => {
      const { path } = tmpfsMount({ scratch });
      const { upper, work } = both(path);
      run('mount', '--make-unbindable', path);
      return [
        { ...layers, upper, work },
        { code: 'ERR_OVERLAY_UNBINDABLE', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'I33',
    name: 'a work directory that was used volatile',
    build: (layers) => {
      used({ ...layers, options: { volatile: true } });
      return [layers, { code: 'ERR_OVERLAY_INCOMPATIBLE_WORK', option: 'work', path: layers.work }];
    },
  },
]);

const index = { options: { index: true } } as const;

holds('uppers that remember', [
  {
    spoils: true,
    id: 'H01',
    name: 'index: another lower',
    build: (layers) => {
      used({ ...layers, lower: layers.lower[0]!, ...index });
      const spec = { ...layers, lower: layers.lower[1]!, ...index };
      return [spec, { code: 'ERR_OVERLAY_OTHER_LOWER', option: 'upper', path: layers.upper }];
    },
  },
  {
    spoils: true,
    id: 'H02',
    name: 'index: the lower was made anew',
    build: (layers) => {
      const lower = layers.lower[0]!;
      used({ ...layers, lower, ...index });
      // Filesystems tell times by the timer's tick.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
      rmSync(lower, { recursive: true });
      mkdirSync(lower);
      const expected = { code: 'ERR_OVERLAY_OTHER_LOWER', option: 'upper', path: layers.upper };
      return [{ ...layers, lower, ...index }, expected];
    },
  },
  {
    spoils: true,
    id: 'H03',
    name: 'index: the upper was copied, the work directory is the old one',
    build: (layers, scratch) => {
      used({ ...layers, ...index });
      const upper = scratch.join('copy');
      run('cp', '-a', layers.upper, upper);
      return [
        { ...layers, upper, ...index },
        { code: 'ERR_OVERLAY_OTHER_UPPER', option: 'work', path: layers.work },
      ];
    },
  },
  {
    spoils: true,
    id: 'H03-swap',
    name: 'index: the upper was replaced',
    build: (layers, scratch) => {
      used({ ...layers, ...index });
      renameSync(layers.upper, scratch.join('old'));
      cpSync(scratch.join('old'), layers.upper, { recursive: true });
      return [
        { ...layers, ...index },
        { code: 'ERR_OVERLAY_OTHER_UPPER', option: 'work', path: layers.work },
      ];
    },
  },
  {
    spoils: true,
    id: 'H09',
    name: 'nfsExport: another lower',
    build: (layers) => {
      const options = { nfsExport: true } as const;
      used({ ...layers, lower: layers.lower[0]!, options });
      const spec = { ...layers, lower: layers.lower[1]!, options };
      return [spec, { code: 'ERR_OVERLAY_OTHER_LOWER', option: 'upper', path: layers.upper }];
    },
  },
]);
