// Random operations on a directory, by names that meet often; which of them succeed does not matter.
import * as fs from 'node:fs';
import { join } from 'node:path';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { setXattr } from '../support/xattr.ts';

/** A generator of whole numbers below `limit` that repeats itself for a seed (mulberry32). */
export function randomFrom(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
}

/**
 * No fifo, whose opening waits, and no device but null and zero, since files are opened.
 * Does `count` operations in `root`. Times are whole seconds, so that a change of them shows.
 */
export function operate(root: string, random: (limit: number) => number, count: number): void {
  const name = () => ['a', 'b', 'c', 'd'][random(4)]!;
  const path = () => join(root, ...Array.from({ length: 1 + random(3) }, name));
  const exchange = 2; // RENAME_EXCHANGE
  const operations: (() => void)[] = [
    () => fs.writeFileSync(path(), `content ${random(1000)}`),
    () => fs.writeFileSync(path(), `content ${random(5)}`),
    () => fs.appendFileSync(path(), 'more'),
    () => fs.truncateSync(path(), random(4)),
    () => fs.mkdirSync(path()),
    () => fs.mkdirSync(path()),
    () => fs.mkdirSync(path()),
    () => fs.unlinkSync(path()),
    () => fs.rmSync(path(), { recursive: true }),
    () => fs.renameSync(path(), path()),
    () => fs.renameSync(path(), path()),
    () => fs.renameSync(path(), path()),
    () => callSync('renameat2', AT_FDCWD, path(), AT_FDCWD, path(), exchange),
    () => fs.linkSync(path(), path()),
    () => fs.symlinkSync(`target ${random(3)}`, path()),
    () => callSync('mknodat', AT_FDCWD, path(), 0o140600, 0),
    () => callSync('mknodat', AT_FDCWD, path(), 0o020600, 0x103 + 2 * random(2)),
    () => fs.chmodSync(path(), 0o700 + random(8)),
    () => fs.lchownSync(path(), random(3), random(3)),
    () => fs.lutimesSync(path(), 1000 + random(3), 1000 + random(3)),
    () => setXattr(path(), 'user.note', String(random(3))),
    () => setXattr(path(), 'trusted.note', String(random(3))),
    () => fs.closeSync(fs.openSync(path(), 'r+')),
  ];
  for (let i = 0; i < count; i++) {
    try {
      operations[random(operations.length)]!();
    } catch {
      // A name that is not there, a directory that is not empty: the next one.
    }
  }
}
