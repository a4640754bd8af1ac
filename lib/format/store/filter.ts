// The filters by which snapshots are listed: containerd's words, as `kind==active,labels.app==web`.
import type { SnapshotKind } from './record.ts';

/** What a filter looks at. */
export interface Filtered {
  readonly name: string;
  readonly kind: SnapshotKind;
  readonly parent?: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

export type Filter = (snapshot: Filtered) => boolean;

type Operator = '==' | '!=' | '~=' | '';

interface Selector {
  /** `name`, `kind`, `parent`, or `labels` and a label. */
  readonly field: readonly string[];
  readonly operator: Operator;
  readonly value: string;
}

/** A filter that cannot be read. */
export class FilterProblem extends Error {}

const SPACE = /\s+/y;
const FIELD = /\w[\w/-]*|"(?:\\.|[^"\\\n])*"/y;
const OPERATOR = /==|!=|~=/y;
const VALUE = /"(?:\\.|[^"\\\n])*"|[^",\s][^,\s]*/y;
// Between bars or slashes a value needs no backslashes: for regular expressions.
const PATTERN = /\|(?:\\.|[^|\\\n])*\||\/(?:\\.|[^/\\\n])*\//y;

/** Reads pieces of a text from where the last one ended; spaces before a piece are passed over. */
class Words {
  readonly text: string;
  #at = 0;

  constructor(text: string) {
    this.text = text;
  }

  get ended(): boolean {
    this.#match(SPACE);
    return this.#at >= this.text.length;
  }

  take(pattern: RegExp): string | undefined {
    this.#match(SPACE);
    return this.#match(pattern);
  }

  problem(expected: string): FilterProblem {
    return new FilterProblem(
      `the filter ${JSON.stringify(this.text)} has no ${expected} at character ${this.#at + 1}`,
    );
  }

  #match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (found !== undefined) this.#at += found.length;
    return found;
  }
}

const NAMED: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '"': '"',
};

// Go's escapes, by which containerd's texts are quoted: also three octal digits, \x41, \u00e9 and \U0001f600.
const ESCAPE =
  /\\(?<octal>[0-7]{3})|\\x(?<two>[\dA-Fa-f]{2})|\\u(?<four>[\dA-Fa-f]{4})|\\U(?<eight>[\dA-Fa-f]{8})|\\(?<letter>.)/gs;
const LAST_CODE_POINT = 0x10ffff;

function plainOf(text: string, groups: Readonly<Record<string, string | undefined>>): string {
  const { octal, two, four, eight, letter } = groups;
  const hex = two ?? four ?? eight;
  const point = Number.parseInt(octal ?? hex ?? '', octal === undefined ? 16 : 8);
  if (point <= LAST_CODE_POINT) return String.fromCodePoint(point);
  const plain = letter === undefined ? undefined : NAMED[letter];
  if (plain !== undefined) return plain;
  throw new FilterProblem(`${JSON.stringify(text)} between the quotes of a filter stands for nothing`);
}

function unquote(word: string): string {
  if (!word.startsWith('"')) return word;
  return word.slice(1, -1).replace(ESCAPE, (text, ...rest) => plainOf(text, rest.at(-1)));
}

function takeField(words: Words): string[] {
  const field: string[] = [];
  do {
    const part = words.take(FIELD);
    if (part === undefined) throw words.problem('name of a field');
    field.push(unquote(part));
  } while (words.take(/\./y));
  return field;
}

function takeValue(words: Words, operator: Operator): string {
  const pattern = operator === '~=' ? words.take(PATTERN) : undefined;
  if (pattern !== undefined) return pattern.slice(1, -1).replaceAll(`\\${pattern[0]}`, pattern[0]!);
  const value = words.take(VALUE);
  if (value === undefined) throw words.problem('value');
  return unquote(value);
}

function takeSelector(words: Words): Selector {
  const field = takeField(words);
  const operator = (words.take(OPERATOR) ?? '') as Operator;
  return { field, operator, value: operator === '' ? '' : takeValue(words, operator) };
}

function fieldOf(field: readonly string[], snapshot: Filtered): string | undefined {
  const [first, ...rest] = field;
  if (first === 'labels') {
    const label = rest.join('.');
    return Object.hasOwn(snapshot.labels, label) ? snapshot.labels[label] : undefined;
  }
  if (rest.length > 0) return undefined;
  if (first === 'name') return snapshot.name;
  if (first === 'kind') return snapshot.kind;
  // containerd has the empty name for none.
  return first === 'parent' ? (snapshot.parent ?? '') : undefined;
}

// As containerd has it: what is not there is the empty text for all but the question whether it is there, and for `==`.
const TESTS: Readonly<Record<Operator, (selector: Selector) => (value: string | undefined) => boolean>> = {
  '': () => (value) => value !== undefined,
  '==': (wanted) => (value) => value === wanted.value,
  '!=': (wanted) => (value) => (value ?? '') !== wanted.value,
  '~=': (wanted) => {
    const pattern = regularExpression(wanted.value);
    return (value) => pattern.test(value ?? '');
  },
};

function regularExpression(text: string): RegExp {
  try {
    return new RegExp(text, 'u');
  } catch {
    throw new FilterProblem(`${JSON.stringify(text)} in a filter is no regular expression`);
  }
}

const FIELDS: readonly string[] = ['name', 'kind', 'parent', 'labels'];

/** One filter: all of its selectors, between commas, have to be true. @throws {FilterProblem} */
export function parseFilter(text: string): Filter {
  const words = new Words(text);
  if (words.ended) return () => true;
  const tests: ((snapshot: Filtered) => boolean)[] = [];
  do {
    const selector = takeSelector(words);
    if (!FIELDS.includes(selector.field[0]!)) {
      throw new FilterProblem(
        `the filter ${JSON.stringify(text)} asks for the field ${selector.field[0]}, and there are ${FIELDS.join(', ')}`,
      );
    }
    const matches = TESTS[selector.operator](selector);
    tests.push((snapshot) => matches(fieldOf(selector.field, snapshot)));
  } while (words.take(/,/y));
  if (!words.ended) throw words.problem('comma or end');
  return (snapshot) => tests.every((test) => test(snapshot));
}

/** Several: one of them has to be true; without any all is. @throws {FilterProblem} */
export function parseFilters(texts: readonly string[]): Filter {
  const filters = texts.map(parseFilter);
  return filters.length === 0 ? () => true : (snapshot) => filters.some((filter) => filter(snapshot));
}
