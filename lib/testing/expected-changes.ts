// What a test expects to have changed, in few words, against what has: by lines that a person can read.

import type { Change } from '../layer/index.ts';
import { refuse, wrongType } from '../mount/refuse.ts';

/**
 * A change in few words: its line (`'added logs/new.txt'`, `'deleted old/'`, `'modified config.json'`, the slash of a
 * directory and what is in parentheses can be left out), or those parts of a {@link Change} that have to be right.
 */
export type ExpectedChange = string | (Partial<Omit<Change, 'error'>> & Pick<Change, 'path'>);

export interface Verdict {
  readonly pass: boolean;
  /** A line for each change that there is. */
  readonly actual: readonly string[];
  /** A line for each that there has to be; that of the change itself where there is one. */
  readonly expected: readonly string[];
}

const key = (path: Change['path']): string =>
  typeof path === 'string' ? path : Buffer.from(path).toString('latin1');

/** As it is, and quoted where it could be taken for something else. */
function pathText(path: Change['path']): string {
  const text = key(path);
  const plain = typeof path === 'string' && !/[\p{Cc}\p{Cf}\u2028\u2029]|^"/u.test(text);
  return plain ? text : JSON.stringify(text);
}

/** `modified config.json (content, mode)`: the words of {@link Change}. */
export function changeLine({ kind, path, type, from, what, linkTo, error }: Change): string {
  const notes = [
    ...(type === 'file' || type === 'directory' ? [] : [type]),
    ...(from === undefined ? [] : [`from ${pathText(from)}`]),
    ...(linkTo === undefined ? [] : [`hard link to ${pathText(linkTo)}`]),
    ...what,
    ...(error === undefined ? [] : [error.message]),
  ];
  const slash = type === 'directory' && path !== '.' ? '/' : '';
  return `${kind} ${pathText(path)}${slash}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`;
}

const KINDS: readonly string[] = ['added', 'modified', 'deleted'] satisfies Change['kind'][];

function checkLine(line: string, index: number): void {
  const [kind] = line.split(' ', 1);
  if (line.includes(' ') && KINDS.includes(kind!)) return;
  refuse(
    'ERR_OVERLAY_INVALID_VALUE',
    { option: 'expected', index },
    `expected[${index}] is ${JSON.stringify(line)}, and does not begin with added, deleted or modified, and a path`,
    'write it as "added logs/new.txt"',
  );
}

function checkExpected(expected: unknown): readonly ExpectedChange[] {
  if (!Array.isArray(expected)) return wrongType('expected', 'an array of changes', expected);
  for (const [index, change] of (expected as unknown[]).entries()) {
    const path = typeof change === 'string' ? change : (Object(change).path as unknown);
    if (typeof change === 'string') checkLine(change, index);
    else if (typeof path !== 'string' && !(path instanceof Uint8Array))
      wrongType('expected', 'a text such as "added file", or an object with path', change, index);
  }
  return expected;
}

function isLineOf(line: string, change: Change): boolean {
  const full = changeLine(change);
  const short = `${change.kind} ${pathText(change.path)}`;
  return line === full || line === short || (change.type === 'directory' && line === `${short}/`);
}

function sameValue(name: string, expected: unknown, actual: unknown): boolean {
  if (name === 'path' || name === 'from' || name === 'linkTo') {
    return actual !== undefined && key(expected as Change['path']) === key(actual as Change['path']);
  }
  if (!Array.isArray(expected) || !Array.isArray(actual)) return expected === actual;
  return [...expected].sort().join() === [...actual].sort().join();
}

function isPartOf(expected: object, change: Change): boolean {
  return Object.entries(expected)
    .filter(([, value]) => value !== undefined)
    .every(([name, value]) => sameValue(name, value, change[name as keyof Change]));
}

function lineOf(expected: ExpectedChange): string {
  if (typeof expected === 'string') return expected;
  const { kind, type, what, ...rest } = expected;
  const line = changeLine({ kind: 'modified', type: type ?? 'file', what: what ?? [], ...rest });
  return kind === 'modified' ? line : `${kind ?? 'changed'}${line.slice('modified'.length)}`;
}

/** Where a change that is not there would stand. */
function placeOf(expected: ExpectedChange): string {
  return typeof expected === 'string' ? expected.slice(expected.indexOf(' ') + 1) : key(expected.path);
}

/** In any order: each that is expected is there, and nothing else is. @throws {OverlayError} for what says no change */
export function judge(changes: readonly Change[], wanted: readonly ExpectedChange[]): Verdict {
  const rest = [...changes];
  const expected = checkExpected(wanted).map((one) => {
    const at = rest.findIndex((change) =>
      typeof one === 'string' ? isLineOf(one, change) : isPartOf(one, change),
    );
    if (at < 0) return { met: false, place: placeOf(one), line: lineOf(one) };
    const [found] = rest.splice(at, 1);
    return { met: true, place: key(found!.path), line: changeLine(found!) };
  });
  expected.sort((a, b) => Buffer.compare(Buffer.from(a.place), Buffer.from(b.place)));
  return {
    pass: rest.length === 0 && expected.every(({ met }) => met),
    actual: changes.map(changeLine),
    expected: expected.map(({ line }) => line),
  };
}
