// Files with several names: which of them was told first.
import type { EntryStat } from '../kernel/scan-directory.ts';
import type { EntryPath } from './change.ts';

interface Told {
  readonly path: EntryPath;
  /** Names that may still come. */
  left: number;
}

export class LinkedNames {
  /** By inode. A file of which all names have been told is forgotten. */
  readonly #told = new Map<string, Told>();

  /** The name that was told first; undefined for the first one itself, and for a file with one name. */
  firstOf(
    { nlink, isDirectory, devMajor, devMinor, ino }: EntryStat,
    path: EntryPath,
  ): EntryPath | undefined {
    if (nlink < 2 || isDirectory) return undefined;
    const inode = `${devMajor}:${devMinor}:${ino}`;
    const told = this.#told.get(inode);
    if (told === undefined) {
      this.#told.set(inode, { path, left: nlink - 1 });
      return undefined;
    }
    told.left--;
    if (told.left === 0) this.#told.delete(inode);
    return told.path;
  }
}
