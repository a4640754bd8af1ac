// Gives layers another form with the same meaning: whiteouts as attributes, a copy in another overlay, data kept elsewhere.
import {
  copyFileSync,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
} from 'node:fs';
import { join } from 'node:path';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import type { Dialect } from './modes.ts';
import { isDirectory, plantXattrWhiteout, setMark } from './plant.ts';
import { below, withEntry, xattrsOf } from './snapshot.ts';

function entriesOf(directory: Buffer): Buffer[] {
  return readdirSync(directory, { encoding: 'buffer' })
    .sort(Buffer.compare)
    .map((name) => below(directory, name));
}

function isDeviceWhiteout(path: Buffer): boolean {
  const stat = lstatSync(path);
  return stat.isCharacterDevice() && stat.rdev === 0;
}

/** Turns every device whiteout into the xattr form; in an opaque directory it says nothing, and goes. */
export function toXattrWhiteouts(directory: Buffer, dialect: Dialect): void {
  for (const path of entriesOf(directory)) {
    if (isDirectory(path)) toXattrWhiteouts(path, dialect);
    if (!isDeviceWhiteout(path)) continue;
    unlinkSync(path);
    plantXattrWhiteout(path, dialect);
  }
}

function copyXattrs(from: Buffer, to: Buffer): void {
  withEntry(to, (fd) => {
    for (const [name, value] of Object.entries(xattrsOf(from)))
      callSync('setxattr', fd, Buffer.from(name, 'latin1'), Buffer.from(value, 'hex'), 0);
  });
}

function copyNode(from: Buffer, to: Buffer): void {
  const stat = lstatSync(from);
  if (stat.isDirectory()) mkdirSync(to);
  else if (stat.isSymbolicLink()) symlinkSync(readlinkSync(from, { encoding: 'buffer' }), to);
  else if (stat.isFile()) copyFileSync(from, to);
  else callSync('mknodat', AT_FDCWD, to, stat.mode, stat.rdev);
}

/** Copies a tree with all that it carries, hard links as links; `to` is there already. The copy may lie in an overlay. */
export function copyTree(from: Buffer, to: Buffer, links: Map<number, Buffer> = new Map()): void {
  for (const source of entriesOf(from)) {
    const target = below(to, source.subarray(from.length + 1));
    const { ino, nlink } = lstatSync(source);
    const linked = links.get(ino);
    if (linked !== undefined) {
      linkSync(linked, target);
      continue;
    }
    copyNode(source, target);
    if (!isDirectory(source) && nlink > 1) links.set(ino, target);
    if (isDirectory(source)) copyTree(source, target, links);
    else copyMetadata(source, target);
  }
  copyMetadata(from, to);
}

/** Attributes, owner, mode and times of an entry. */
export function copyMetadata(from: Buffer, to: Buffer): void {
  const stat = lstatSync(from);
  copyXattrs(from, to);
  lchownSync(to, stat.uid, stat.gid);
  if (!stat.isSymbolicLink()) callSync('fchmodat', AT_FDCWD, to, stat.mode & 0o7777);
  lutimesSync(to, stat.atime, stat.mtime);
}

/** Takes the data out of every other file with one name, and leaves a metacopy file that says where it is now. */
export function takeDataOut(
  directory: Buffer,
  data: readonly string[],
  dialect: Dialect,
  taken: { files: number },
): void {
  for (const path of entriesOf(directory)) {
    const stat = lstatSync(path);
    if (stat.isDirectory()) takeDataOut(path, data, dialect, taken);
    if (!stat.isFile() || stat.nlink > 1 || stat.size === 0) continue;
    const marks = Object.keys(xattrsOf(path)).filter((name) => name.startsWith(`${dialect}.overlay.`));
    if (marks.length > 0 || taken.files++ % 2 === 1) continue;
    const name = `data${taken.files}`;
    copyFileSync(path, join(data[taken.files % data.length]!, name));
    truncateSync(path, 0);
    truncateSync(path, stat.size);
    setMark(path, dialect, 'metacopy', '');
    setMark(path, dialect, 'redirect', `/${name}`);
    lutimesSync(path, stat.atime, stat.mtime);
  }
}
