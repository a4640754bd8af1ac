// Reads the flags and words of a command, and says what is wrong with them in words that help.
import { parseArgs } from 'node:util';
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

interface OptionToken {
  readonly name: string;
  readonly rawName: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function checkChoice(rawName: string, row: FlagRow, value: string): void {
  if (row.choices === undefined || row.choices.includes(value)) return;
  const near = nearestName(value, row.choices);
  const advice = near === undefined ? `it takes ${row.choices.join(', ')}` : `did you mean ${near}?`;
  throw new UsageError(`${rawName} cannot be ${JSON.stringify(value)}; ${advice}`);
}

function checkedValue(token: OptionToken, row: FlagRow): string | true {
  const { rawName, value, inlineValue } = token;
  if (row.value === undefined) {
    if (value === undefined) return true;
    throw new UsageError(`${rawName} takes no value, and ${JSON.stringify(value)} was given`);
  }
  if (value === undefined) throw new UsageError(`${rawName} needs a value: ${row.value}`);
  if (!inlineValue && value.length > 1 && value.startsWith('-')) {
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

/** @param flagsFirst the first word ends the flags. @throws {UsageError} */
export function readFlags(args: readonly string[], rows: FlagRows, flagsFirst?: true): Given {
  const options = Object.fromEntries(
    Object.entries(rows).map(([name, { short, value }]) => [
      name,
      { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short && { short }) },
    ]),
  );
  // Not strict, since its sentences know no near names.
  const { tokens } = parseArgs({
    args: [...args],
    options,
    strict: false,
    tokens: true,
    allowPositionals: true,
  });
  const given = new Given();
  for (const token of tokens) {
    if (flagsFirst && token.kind !== 'option') {
      given.words.push(...args.slice(token.index + (token.kind === 'positional' ? 0 : 1)));
      break;
    }
    if (token.kind === 'positional') given.words.push(token.value);
    if (token.kind !== 'option') continue;
    const row = Object.hasOwn(rows, token.name) ? rows[token.name] : undefined;
    if (row === undefined) throw unknownFlag(token.rawName, rows);
    const value = checkedValue(token, row);
    if (value !== true && given.has(token.name) && !row.repeatable)
      throw new UsageError(`${token.rawName} is given more than once`);
    given.add(token.name, value);
  }
  return given;
}
