// Filesystems to put layers on: loop images of the kinds that matter to overlay, memory filesystems and FUSE.
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { run, which } from './command.ts';
import { mounts, parseMounts, unmountBelow } from './mounts.ts';
import { needPrivilege } from './privilege.ts';
import { missing, skip } from './requirement.ts';
import { type Scratch, scratchDirectory } from './scratch.ts';

export type LoopKind = 'ext4' | 'xfs' | 'btrfs' | 'squashfs' | 'erofs';

export interface Filesystem extends Disposable {
  /** Where it is mounted. */
  readonly path: string;
  readonly type: string;
}

export interface LoopFilesystem extends Filesystem {
  readonly image: string;
  /** The loop device, as `/dev/loop3`. */
  readonly device: string;
}

export interface LoopOptions {
  /** The size of a writable filesystem; the image is sparse. */
  sizeMiB?: number;
  /** A directory whose content it gets. */
  from?: string;
  /** More arguments for mkfs, as `['-n', 'ftype=0']`. */
  mkfs?: readonly string[];
  /** Mount options, as `ro,noatime`. */
  options?: string;
  /** Where image and mount point go, in place of a new scratch directory; needed in hooks. */
  scratch?: Scratch;
}

interface Kind {
  readonly tool: string;
  readonly package: string;
  /** The smallest size that the tool makes, with some room; none for an image that is made full. */
  readonly sizeMiB?: number;
  readonly make: (image: string, from: string, more: readonly string[]) => readonly string[];
}

const kinds: Readonly<Record<LoopKind, Kind>> = {
  ext4: {
    tool: 'mkfs.ext4',
    package: 'e2fsprogs',
    sizeMiB: 32,
    make: (image, _, more) => ['-q', '-F', ...more, image],
  },
  xfs: {
    tool: 'mkfs.xfs',
    package: 'xfsprogs',
    sizeMiB: 320,
    make: (image, _, more) => ['-q', '-f', ...more, image],
  },
  btrfs: {
    tool: 'mkfs.btrfs',
    package: 'btrfs-progs',
    sizeMiB: 128,
    make: (image, _, more) => ['-q', '-f', ...more, image],
  },
  squashfs: {
    tool: 'mksquashfs',
    package: 'squashfs-tools',
    make: (image, from, more) => [from, image, '-noappend', '-quiet', '-no-progress', ...more],
  },
  erofs: { tool: 'mkfs.erofs', package: 'erofs-utils', make: (image, from, more) => [...more, image, from] },
};

/** Why a kind of filesystem cannot be made here; undefined when it can. */
export function skipReason(kind: LoopKind | 'bindfs'): string | undefined {
  const { tool, package: from } = kind === 'bindfs' ? { tool: 'bindfs', package: 'bindfs' } : kinds[kind];
  return which(tool) === undefined ? `${tool} is missing (install ${from})` : undefined;
}

/** A new filesystem on a loop device, mounted in a scratch directory until the end of the test. */
export function loopFilesystem(kind: LoopKind, options: LoopOptions = {}): LoopFilesystem {
  need(skipReason(kind));
  const scratch = options.scratch ?? scratchDirectory();
  const { tool, sizeMiB, make } = kinds[kind];
  const image = scratch.join(freeName(scratch, `${kind}.image`));
  const path = scratch.directory(freeName(scratch, kind));
  if (sizeMiB !== undefined) makeSparse(image, options.sizeMiB ?? sizeMiB);
  run(tool, ...make(image, options.from ?? scratch.directory('nothing'), options.mkfs ?? []));
  mountOrSkip(kind, ['-o', ['loop', options.options].filter(Boolean).join(','), image, path]);
  scratch.afterUnmount(() => detachLoop(image));
  if (sizeMiB !== undefined && options.from !== undefined) run('cp', '-a', `${options.from}/.`, path);
  const device = mounts().findLast(({ point }) => point === Buffer.from(path).toString('latin1'))!.source;
  const end = () => {
    unmountBelow(path);
    detachLoop(image);
  };
  return { path, type: kind, image, device, [Symbol.dispose]: end };
}

export interface MemoryOptions {
  /** As tmpfs reads it: `16m`. */
  size?: string;
  inodes?: number;
  /** ramfs knows no size and no user.* attributes. */
  type?: 'tmpfs' | 'ramfs';
  scratch?: Scratch;
}

/** A new filesystem in memory, mounted in a scratch directory until the end of the test. */
export function tmpfsMount({ size, inodes, type = 'tmpfs', scratch }: MemoryOptions = {}): Filesystem {
  const options = [size && `size=${size}`, inodes && `nr_inodes=${inodes}`, 'mode=755']
    .filter(Boolean)
    .join(',');
  return mounted(type, scratch, (path) => ['-t', type, '-o', options, 'test', path]);
}

/** A FUSE filesystem that shows a directory: bindfs, with its own options. */
export function bindfsMount(from: string, options: { options?: string; scratch?: Scratch } = {}): Filesystem {
  need(skipReason('bindfs'));
  const words = options.options === undefined ? [] : ['-o', options.options];
  return mounted('fuse.bindfs', options.scratch, (path) => ['-t', 'fuse.bindfs', ...words, from, path]);
}

function mounted(type: string, scratch = scratchDirectory(), words: (path: string) => string[]): Filesystem {
  need(undefined);
  const path = scratch.directory(freeName(scratch, type));
  mountOrSkip(type, words(path));
  return { path, type, [Symbol.dispose]: () => void unmountBelow(path) };
}

function need(reason: string | undefined): void {
  needPrivilege();
  if (reason !== undefined) missing(reason);
}

/** Mounts; a kernel that does not know the type skips the test, since nobody can install that. */
function mountOrSkip(type: string, words: readonly string[]): void {
  try {
    run('mount', ...words);
  } catch (error) {
    if (/unknown filesystem type/.test(String(error))) skip(`this kernel has no ${type}`);
    throw error;
  }
}

function freeName(scratch: Scratch, name: string): string {
  const taken = new Set(readdirSync(scratch.path));
  let free = name;
  for (let number = 2; taken.has(free); number++) free = `${name}-${number}`;
  return free;
}

function makeSparse(image: string, sizeMiB: number): void {
  const file = openSync(image, 'wx');
  ftruncateSync(file, sizeMiB * 2 ** 20);
  closeSync(file);
}

/** The loop devices that stand on a file, one entry each. */
export function loopDevices(): { device: string; file: string }[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .flatMap((name) => {
      try {
        return [
          {
            device: `/dev/${name}`,
            file: readFileSync(`/sys/block/${name}/loop/backing_file`, 'utf8').trim(),
          },
        ];
      } catch {
        return []; // not bound to a file
      }
    });
}

/** mount(8) makes loop devices that go with their last user. One that stays for half a minute is detached: somebody uses it. */
function detachLoop(image: string): void {
  const stays = () => loopDevices().find(({ file }) => file === image)?.device;
  for (let tries = 0; tries < 3000 && stays(); tries++)
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10);
  const device = stays();
  if (device === undefined) return;
  const holders = processesWithMount(device);
  run('losetup', '--detach', device);
  const who = holders.length > 0 ? `mounted for ${holders.join(', ')}` : 'a detached mount or a descriptor';
  throw new Error(`${device} (${image}) is still in use after its unmount: ${who}`);
}

/** A mount namespace that was made while something was mounted keeps a copy of it, which holds the device. */
function processesWithMount(device: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const table = parseMounts(readFileSync(`/proc/${pid}/mountinfo`, 'latin1'));
        if (!table.some(({ source }) => source === device)) return [];
        return [`${pid} (${readFileSync(`/proc/${pid}/comm`, 'utf8').trim()})`];
      } catch {
        return []; // it has ended
      }
    });
}
