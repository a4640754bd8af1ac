// Reads the flags and words of a command, and says what is wrong with them in words that help.
import { nearestName } from '../format/nearest-name.ts';

export interface FlagRow {
  readonly short?: string;
  /** What stands for its value in the help; absent: a flag without a value. */
  readonly value?: string;
  /** The only values that it takes. */
  readonly choices?: readonly string[];
  /** May be given more than once. */
  readonly repeatable?: true;
  /** One line for the help. */
  readonly about: string;
}

type FlagRows = Readonly<Record<string, FlagRow>>;

/** A command line that makes no sense: exit code 2. The message is one sentence. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** What a command line says. */
export class Given {
  readonly #values = new Map<string, (string | true)[]>();
  readonly words: string[] = [];

  add(flag: string, value: string | true): void {
    this.#values.set(flag, [...(this.#values.get(flag) ?? []), value]);
  }

  has(flag: string): boolean {
    return this.#values.has(flag);
  }

  text(flag: string): string | undefined {
    return this.texts(flag).at(-1);
  }

  texts(flag: string): string[] {
    return (this.#values.get(flag) ?? []).filter((value) => typeof value === 'string');
  }
}

interface FlagWord {
  readonly name: string;
  /** As it is written. */
  readonly rawName: string;
  readonly value: string | undefined;
  /** The value is in the same word. */
  readonly inline: boolean;
}

function checkChoice(rawName: string, row: FlagRow, value: string): void {
  if (row.choices === undefined || row.choices.includes(value)) return;
  const near = nearestName(value, row.choices);
  const advice = near === undefined ? `it takes ${row.choices.join(', ')}` : `did you mean ${near}?`;
  throw new UsageError(`${rawName} cannot be ${JSON.stringify(value)}; ${advice}`);
}

function checkedValue({ rawName, value, inline }: FlagWord, row: FlagRow): string | true {
  if (row.value === undefined) {
    if (value === undefined) return true;
    throw new UsageError(`${rawName} takes no value, and ${JSON.stringify(value)} was given`);
  }
  if (value === undefined) throw new UsageError(`${rawName} needs a value: ${row.value}`);
  if (!inline && value.length > 1 && value.startsWith('-')) {
    const written = rawName.startsWith('--') ? `${rawName}=${value}` : `${rawName}${value}`;
    throw new UsageError(
      `${rawName} needs a value, and ${value} looks like a flag; if it is the value, write ${written}`,
    );
  }
  checkChoice(rawName, row, value);
  return value;
}

function unknownFlag(rawName: string, rows: FlagRows): UsageError {
  const near = rawName.startsWith('--') ? nearestName(rawName.slice(2), Object.keys(rows)) : undefined;
  return new UsageError(
    `there is no flag ${rawName}${near === undefined ? '' : `; did you mean --${near}?`}`,
  );
}

/** What the words say; those of flags are taken off it. `node:util` has the same, and takes half a millisecond to load. */
class FlagReader {
  readonly #rest: string[];
  readonly #rows: FlagRows;

  constructor(args: readonly string[], rows: FlagRows) {
    this.#rest = [...args];
    this.#rows = rows;
  }

  /** The next word as it is; undefined: there is none. */
  get next(): string | undefined {
    return this.#rest[0];
  }

  take(): string {
    return this.#rest.shift()!;
  }

  all(): string[] {
    return this.#rest.splice(0);
  }

  /** The next word as a flag, with the word after it when that is its value. */
  flag(): FlagWord {
    const word = this.take();
    return word.startsWith('--') ? this.#long(word) : this.#short(word);
  }

  #long(word: string): FlagWord {
    // A name is not empty: --=x is none.
    const end = word.indexOf('=', 3);
    if (end < 0) return this.#named(word.slice(2), word);
    return {
      name: word.slice(2, end),
      rawName: word.slice(0, end),
      value: word.slice(end + 1),
      inline: true,
    };
  }

  // -abc is -a -b -c, unless the first of them takes a value: that is the rest then.
  #short(word: string): FlagWord {
    const letter = word[1]!;
    const rawName = `-${letter}`;
    const name = Object.keys(this.#rows).find((flag) => this.#rows[flag]!.short === letter) ?? letter;
    if (word.length === 2) return this.#named(name, rawName);
    if (this.#takesValue(name)) return { name, rawName, value: word.slice(2), inline: true };
    this.#rest.unshift(`-${word.slice(2)}`);
    return { name, rawName, value: undefined, inline: false };
  }

  #named(name: string, rawName: string): FlagWord {
    const value = this.#takesValue(name) ? this.#rest.shift() : undefined;
    return { name, rawName, value, inline: false };
  }

  #takesValue(name: string): boolean {
    return Object.hasOwn(this.#rows, name) && this.#rows[name]!.value !== undefined;
  }
}

/** @param flagsFirst the first word ends the flags. @throws {UsageError} */
export function readFlags(args: readonly string[], rows: FlagRows, flagsFirst?: true): Given {
  const given = new Given();
  const reader = new FlagReader(args, rows);
  for (let word = reader.next; word !== undefined; word = reader.next) {
    const isFlag = word.length > 1 && word.startsWith('-');
    if (word === '--' || (flagsFirst && !isFlag)) {
      if (word === '--') reader.take();
      given.words.push(...reader.all());
    } else if (isFlag) addFlag(given, reader.flag(), rows);
    else given.words.push(reader.take());
  }
  return given;
}

function addFlag(given: Given, flag: FlagWord, rows: FlagRows): void {
  const row = Object.hasOwn(rows, flag.name) ? rows[flag.name] : undefined;
  if (row === undefined) throw unknownFlag(flag.rawName, rows);
  const value = checkedValue(flag, row);
  if (value !== true && given.has(flag.name) && !row.repeatable)
    throw new UsageError(`${flag.rawName} is given more than once`);
  given.add(flag.name, value);
}
