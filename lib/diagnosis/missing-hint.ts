// What somebody probably meant by a path that leads to nothing: only what a look at the place confirmed is proposed.
import { nearestName } from '../format/nearest-name.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, O_RDONLY } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { someNames } from '../kernel/names.ts';
import type { Routine } from '../kernel/routine.ts';
import { shown } from './overlay-error.ts';
import { inside, type Stop } from './path-walk.ts';
import type { Subject } from './subject.ts';

const quote = (path: string | Uint8Array) => JSON.stringify(shown(path));

// What `mkdir` makes.
const MAKEABLE: readonly string[] = ['upper', 'work', 'target'];

/** The words that only a shell, or a function of Node, would have understood; undefined when there are none. */
function unexpanded({ path = '' }: Subject, absolute: Buffer): string | undefined {
  const text = shown(path);
  const variable = /\$(?:[A-Za-z_]\w*|\{\w+\})/.exec(text)?.[0];
  if (variable !== undefined) {
    return `${variable} was not expanded, which only shells do: put its value there, as from process.env`;
  }
  const user = /^~[A-Za-z_][\w-]*/.exec(text)?.[0];
  if (user !== undefined) {
    return `${user} was not expanded, which only shells do: write the home directory of that user`;
  }
  // A URL is shown so as well, and leads elsewhere.
  if (text.startsWith('file://') && absolute.includes('/file://')) {
    return 'a file: URL as text is taken for a relative path: pass new URL(…), or its path';
  }
  return undefined;
}

function* isDirectory(path: Buffer): Routine<boolean> {
  try {
    close(yield* call('openat', AT_FDCWD, path, O_PATH | O_DIRECTORY, 0));
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

function* namesIn(directory: Buffer): Routine<string[]> {
  try {
    const fd = yield* call('openat', AT_FDCWD, directory, O_RDONLY | O_DIRECTORY, 0);
    try {
      // The first of them: a huge directory is not searched for a slip of the hand.
      return (yield* someNames(fd)).map((name) => name.toString());
    } finally {
      close(fd);
    }
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

const CLOSES: Readonly<Record<string, string>> = { '"': '"', "'": "'" };

/** A name beside the missing one that differs from it as slips do. */
function* near({ directory, name }: Stop): Routine<string | undefined> {
  const text = name.toString();
  const trimmed = text.trim();
  if (trimmed !== text && trimmed !== '' && (yield* isDirectory(inside(directory, Buffer.from(trimmed))))) {
    return `take the white space around the name away: ${quote(inside(directory, Buffer.from(trimmed)))} exists`;
  }
  const found = nearestName(text, yield* namesIn(directory));
  if (found === undefined || found === text) return undefined;
  const place = inside(directory, Buffer.from(found));
  return (yield* isDirectory(place)) ? `did you mean ${quote(place)}` : undefined;
}

/** Several paths in one string. */
function* joined({ option }: Subject, absolute: Buffer): Routine<string | undefined> {
  const colon = absolute.indexOf(':');
  if (colon < 0 || !['lower', 'data'].includes(option)) return undefined;
  return (yield* isDirectory(absolute.subarray(0, colon)))
    ? `${quote(absolute.subarray(0, colon))} exists: several directories are an array, ${option}: ['…', '…']`
    : undefined;
}

function quoted({ path = '' }: Subject): string | undefined {
  const text = shown(path);
  const close = CLOSES[text[0] ?? ''];
  return close !== undefined && text.length > 1 && text.endsWith(close)
    ? 'the path is in quotation marks, which only shells take away: leave them out'
    : undefined;
}

function lost(absolute: Buffer): string | undefined {
  return absolute.includes('\ufffd')
    ? 'its bytes were lost when the name was made text (U+FFFD stands for them): pass the path as a Buffer'
    : undefined;
}

function patterned({ path = '' }: Subject, { name }: Stop): string | undefined {
  return /[*?]/.test(name.toString('latin1')) && /[*?]/.test(shown(path))
    ? 'the name is a pattern, which only shells expand: name the directories'
    : undefined;
}

/** @param absolute the path as the kernel gets it */
export function* hintForMissing(subject: Subject, absolute: Buffer, stop: Stop): Routine<string> {
  const make = MAKEABLE.includes(subject.option)
    ? 'create the directory, correct the path, or pass mkdir: true'
    : 'create the directory, or correct the path';
  const known =
    unexpanded(subject, absolute) ?? quoted(subject) ?? lost(absolute) ?? (yield* joined(subject, absolute));
  if (known !== undefined) return known;
  const guess = patterned(subject, stop) ?? (yield* near(stop));
  return guess === undefined ? make : `${guess}; otherwise ${make}`;
}
