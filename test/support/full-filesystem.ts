// Filesystems without room that stay so: what is not yet on the disk holds more than it will take there.
import { mkdirSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { run } from './command.ts';

// Node has no name for EDQUOT.
function isFull(error: unknown): boolean {
  return [-constants.errno.ENOSPC, -constants.errno.EDQUOT].includes((error as NodeJS.ErrnoException).errno!);
}

/** As many bytes as there is room for, and no more than that; gives how many. */
function writeBytes(file: string, most: number): number {
  let written = 0;
  for (let size = 1 << 22; size >= 512 && written < most; ) {
    try {
      writeFileSync(file, Buffer.alloc(size, 'x'), { flag: 'a' });
      written += size;
    } catch (error) {
      if (!isFull(error)) throw error;
      size >>= 1;
    }
  }
  return written;
}

/** Numbered from `first` on, until there is no room for a directory; gives the number of the next. */
function makeDirectories(path: string, first: number): number {
  for (let next = first; ; next++) {
    try {
      mkdirSync(`${path}/${next}`);
    } catch (error) {
      if (!isFull(error)) throw error;
      return next;
    }
  }
}

/**
 * Makes a directory and fills it until the filesystem, or the quota there, has room for no block and no directory, also when
 * all is on the disk. At most `most` bytes: a filesystem may have inodes alone that can run out.
 */
export function fillUp(path: string, most: number): void {
  mkdirSync(path);
  for (let [bytes, directories, grown] = [0, 0, true]; grown; run('sync', '-f', path)) {
    const [before, already] = [bytes, directories];
    bytes += writeBytes(`${path}/bytes`, most - bytes);
    directories = makeDirectories(path, directories);
    grown = bytes > before || directories > already;
  }
}
