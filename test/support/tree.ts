// A directory read as a plain object, to compare in a test what is there with what should be.

import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * `{ 'a/file': 'content', 'a/link': '-> target', 'empty/': '', 'gone': '<char 0:0>' }`, sorted by name. Directories are
 * named only when they are empty. Names and contents that are no UTF-8 are shown one character a byte.
 */
export function tree(directory: string | Buffer): Record<string, string> {
  const found: [string, string][] = [];
  visit(Buffer.from(directory), '', found);
  return Object.fromEntries(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function visit(directory: Buffer, prefix: string, found: [string, string][]): void {
  for (const name of readdirSync(directory, { encoding: 'buffer' })) {
    const path = Buffer.concat([directory, Buffer.from('/'), name]);
    const shown = prefix + text(name);
    if (!lstatSync(path).isDirectory()) found.push([shown, describe(path)]);
    else if (readdirSync(path).length === 0) found.push([`${shown}/`, '']);
    else visit(path, `${shown}/`, found);
  }
}

function describe(path: Buffer): string {
  const stat = lstatSync(path);
  if (stat.isFile()) return text(readFileSync(path));
  if (stat.isSymbolicLink()) return `-> ${text(readlinkSync(path, { encoding: 'buffer' }))}`;
  if (stat.isFIFO()) return '<fifo>';
  if (stat.isSocket()) return '<socket>';
  return `<${stat.isBlockDevice() ? 'block' : 'char'} ${major(stat.rdev)}:${minor(stat.rdev)}>`;
}

function major(device: number): number {
  return (device >> 8) & 0xfff;
}

function minor(device: number): number {
  return (device & 0xff) | ((device >> 12) & 0xfff00);
}

function text(bytes: Buffer): string {
  return bytes.toString(isUtf8(bytes) ? 'utf8' : 'latin1');
}
