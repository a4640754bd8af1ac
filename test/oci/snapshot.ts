// All that can be seen of a tree, in lines that two trees can be compared by.
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { xattrsOf } from '../support/xattr.ts';

export interface SnapshotOptions {
  /** Without owners. */
  readonly owners?: boolean;
  /** Without the times of directories that are named. */
  readonly times?: boolean;
}

/** A line an entry, by path: type, mode, owner, time, links, attributes, content. */
export function snapshot(root: string, { owners = true, times = true }: SnapshotOptions = {}): string[] {
  const lines: string[] = [];
  const inodes = new Map<bigint, string>();
  const visit = (path: Buffer, shown: string): void => {
    const stat = lstatSync(path, { bigint: true });
    const words = [shown, Number(stat.mode).toString(8)];
    if (owners) words.push(`${stat.uid}:${stat.gid}`);
    if (times) words.push(String(stat.mtimeNs));
    if (stat.isSymbolicLink()) words.push(`-> ${readlinkSync(path, 'latin1')}`);
    if (stat.isCharacterDevice() || stat.isBlockDevice()) words.push(`dev ${stat.rdev}`);
    if (!stat.isDirectory() && stat.nlink > 1n) {
      const first = inodes.get(stat.ino);
      if (first === undefined) inodes.set(stat.ino, shown);
      words.push(first === undefined ? `links ${stat.nlink}` : `= ${first}`);
    }
    words.push(JSON.stringify(Object.entries(xattrsOf(path)).toSorted()));
    if (stat.isFile())
      words.push(stat.size < 200n ? JSON.stringify(readFileSync(path, 'latin1')) : String(stat.size));
    lines.push(words.join(' '));
    if (!stat.isDirectory()) return;
    for (const name of readdirSync(path, 'buffer' as 'utf8').toSorted() as unknown as Buffer[])
      visit(Buffer.concat([path, Buffer.from('/'), name]), `${shown}/${name.toString('latin1')}`);
  };
  visit(Buffer.from(root), '.');
  return lines;
}
