// Plants marks in a layer directory by hand, as no overlay would: in the wrong place, with wrong values, at the bottom.
import { closeSync, ftruncateSync, lstatSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD, S_IFCHR } from '../../lib/kernel/constants.ts';
import { shownPath } from './difference.ts';
import type { Dialect, Mode } from './modes.ts';
import type { Planting } from './operations.ts';
import { existingAt, freshAt, type Trace } from './perform.ts';
import { errnoOf, withEntry, xattrsOf } from './snapshot.ts';

const opaqueValues = ['y', 'x', 'y', '', 'n', 'yy', 'Y'];
const redirects = ['', '/', 'a', 'b', '/a', '/a/b', '/b/c', 'a/b', '..', '/..', '/a/../b', '//a', '/a/'];
const metacopies = ['', '', '', '0004000000', 'ff'];
const others = ['origin', 'impure', 'nlink', 'uuid', 'protattr', 'upper', 'overlay.opaque', 'strange'];

function chosen<T>(of: readonly T[], number: number): T {
  return of[number % of.length]!;
}

export function setMark(path: Buffer, dialect: Dialect, mark: string, value: Buffer | string): void {
  withEntry(path, (fd) => callSync('setxattr', fd, `${dialect}.overlay.${mark}`, Buffer.from(value), 0));
}

export function markOf(path: Buffer, dialect: Dialect, mark: string): string | undefined {
  const value = xattrsOf(path)[`${dialect}.overlay.${mark}`];
  return value === undefined ? undefined : Buffer.from(value, 'hex').toString('latin1');
}

function parentOf(path: Buffer): Buffer {
  return Buffer.from(dirname(path.toString('latin1')), 'latin1');
}

export function isDirectory(path: Buffer): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** The xattr form is one in a directory that says so, and an opaque directory can say only that. */
export function plantXattrWhiteout(path: Buffer, dialect: Dialect): void {
  if (markOf(parentOf(path), dialect, 'opaque') === 'y') return;
  closeSync(openSync(path, 'wx', 0o644));
  setMark(path, dialect, 'whiteout', '');
  setMark(parentOf(path), dialect, 'opaque', 'x');
}

function plantOne(root: Buffer, planting: Planting, dialect: Dialect): string {
  const fresh = planting.plant === 'whiteout' || planting.plant === 'xattrWhiteout';
  const path = (fresh ? freshAt : existingAt)(root, planting.at);
  const at = shownPath(path.subarray(root.length + 1).toString('latin1'));
  switch (planting.plant) {
    case 'whiteout':
      callSync('mknodat', AT_FDCWD, path, S_IFCHR, 0);
      return `whiteout ${at}`;
    case 'xattrWhiteout':
      plantXattrWhiteout(path, dialect);
      return `xattr whiteout ${at}`;
    case 'opaque': {
      const value = chosen(opaqueValues, planting.value);
      // A directory with whiteouts in the xattr form has to keep the value that makes them whiteouts.
      if (markOf(path, dialect, 'opaque') !== 'x') setMark(path, dialect, 'opaque', value);
      return `opaque=${value} ${at}`;
    }
    case 'redirect': {
      const to = existingAt(root, planting.to).subarray(root.length);
      const value =
        planting.value > 6 ? to : Buffer.from(chosen(redirects, planting.value + planting.to.name));
      setMark(path, dialect, 'redirect', value);
      return `redirect ${at} → ${shownPath(value.toString('latin1'))}`;
    }
    case 'metacopy': {
      const stat = lstatSync(path);
      // Of one with several names the driver shows the data that it found under the name it was asked for first.
      if (!stat.isFile() || stat.nlink > 1) return `metacopy ${at}: not a file with one name`;
      const file = openSync(path, 'r+');
      ftruncateSync(file, planting.value * 10);
      closeSync(file);
      setMark(path, dialect, 'metacopy', Buffer.from(chosen(metacopies, planting.value), 'hex'));
      return `metacopy ${at}`;
    }
    case 'other': {
      const name = chosen(others, planting.at.name + planting.at.into.length);
      setMark(path, dialect, name, 'y');
      return `${name} ${at}`;
    }
  }
}

/** Plants what the mode allows; what does not work is noted and passed over. */
export function plant(root: string, plantings: readonly Planting[], mode: Mode, trace: Trace): void {
  for (const planting of plantings.filter((one) => mode.plant.includes(one.plant))) {
    try {
      trace.push(`plant ${plantOne(Buffer.from(root), planting, mode.dialect)}`);
    } catch (error) {
      trace.push(`plant ${planting.plant}: ${errnoOf(error)}`);
    }
  }
}
