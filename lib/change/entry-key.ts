// A path as a key: one character a byte.
import { asLatin1, latin1ToPath, pathToBytes } from '../format/path-bytes.ts';
import type { EntryPath } from '../layer/change.ts';

/** Empty for the root. */
export function keyOf(path: EntryPath): string {
  return path === '.' ? '' : asLatin1(pathToBytes(path));
}

export function pathOf(key: string): EntryPath {
  return key === '' ? '.' : latin1ToPath(key);
}
