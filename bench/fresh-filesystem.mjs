// An ext4 of the benchmark's own, in a file: one that was used before slows down who makes files where some were deleted
// a moment ago (ext4 leaves their inodes alone for some seconds, and looks for others one by one), and by turns.
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const GIB = 2 ** 30;

/** Mounts it at `place`/disk in this mount namespace. Nothing should be removed from it before `end()`. */
export function freshFilesystem(place, { gib = 64, inodes = 4_000_000 } = {}) {
  const image = join(place, 'disk.img');
  const path = join(place, 'disk');
  mkdirSync(path, { recursive: true });
  const call = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim();
  call('truncate', '-s', String(gib * GIB), image);
  // Otherwise the kernel goes on making it in the background.
  call('mkfs.ext4', '-q', '-N', String(inodes), '-E', 'lazy_itable_init=0,lazy_journal_init=0', image);
  const device = call('losetup', '--direct-io=on', '--show', '--find', image);
  const free = () => {
    call('losetup', '--detach', device);
    rmSync(image);
  };
  try {
    call('mount', device, path);
  } catch (error) {
    free();
    throw error;
  }
  const end = () => {
    // podman leaves a mount in it.
    call('umount', '--recursive', path);
    free();
  };
  return { path, end };
}
