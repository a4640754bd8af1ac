// Which part of a path is wrong: the first name on the way that is missing, is no directory, or may not be entered.
import { statSync } from 'node:fs';
import type { Finding } from '../index.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

const SLASH = 0x2f;

/** Bytes `start` to `end` of a path. */
export interface Part {
  readonly start: number;
  readonly end: number;
}

function partsOf(path: Buffer): Part[] {
  const parts: Part[] = [];
  for (let start = 0; start < path.length; ) {
    let end = path.indexOf(SLASH, start);
    if (end < 0) end = path.length;
    if (end > start) parts.push({ start, end });
    start = end + 1;
  }
  return parts;
}

function problemOf(path: Buffer): string | undefined {
  try {
    return statSync(path).isDirectory() ? undefined : 'ENOTDIR';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
}

/** The wrong part; all of the path, when it leads to a directory and something else is wrong with that. */
export function wrongPart(path: Buffer): Part {
  const parts = partsOf(path);
  for (const [i, part] of parts.entries()) {
    const problem = problemOf(path.subarray(0, part.end));
    if (problem === undefined) continue;
    // Entering a directory is refused one step further down.
    return problem === 'EACCES' ? (parts[i - 1] ?? { start: 0, end: 1 }) : part;
  }
  return { start: 0, end: path.length };
}

/** The same, of a path that all of these have been found about: where nobody answers, nothing more is asked. */
export function partOf(path: Buffer, all: readonly Finding[]): Part {
  const silent = all.some(({ code }) => code === 'ERR_OVERLAY_NO_ANSWER');
  return silent ? { start: 0, end: path.length } : wrongPart(path);
}

/** A finding with the part of its path that is wrong, in bytes and as text. */
export function withPart(finding: Finding, path: Buffer, all: readonly Finding[]): object {
  const { start, end } = partOf(path, all);
  return { ...finding, path: path.toString(), part: { start, end, text: path.toString('utf8', start, end) } };
}

/** Two lines: the path, and a line of ^ below its wrong part. */
export function markedPath(path: Buffer, { start, end }: Part, terminal: Pick<Terminal, 'paint'>): string[] {
  const [before, part, after] = [path.subarray(0, start), path.subarray(start, end), path.subarray(end)].map(
    printable,
  ) as [string, string, string];
  const width = (text: string) => Array.from(text).length;
  const marks = ' '.repeat(width(before)) + terminal.paint('^'.repeat(width(part)), 'red');
  return [`${before}${terminal.paint(part, 'red')}${after}`, marks];
}
