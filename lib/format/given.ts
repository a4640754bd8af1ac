// What callers give besides paths: read once, checked against a table, and refused with an error that names the field.
import { nearestName } from './nearest-name.ts';
import { type Finding, OverlayError } from './overlay-error.ts';

/** What was read of an object, by name. */
export type Fields = Record<string, unknown>;

function refuse(
  code: string,
  place: Pick<Finding, 'option' | 'index'>,
  sentence: string,
  hint: string,
): never {
  throw new OverlayError([{ code, sentence, hint, ...place }]);
}

export function wrongType(option: string, expected: string, got: unknown, index?: number): never {
  const kind = got === null ? 'null' : Array.isArray(got) ? 'an array' : typeof got;
  return refuse(
    'ERR_OVERLAY_INVALID_TYPE',
    { option, ...(index !== undefined && { index }) },
    `${option}${index === undefined ? '' : `[${index}]`} must be ${expected}, and is ${kind}`,
    `pass ${expected}`,
  );
}

/** Text of anything, also of what throws when it is asked. */
export function textOf(value: unknown): string {
  try {
    if (typeof value === 'string') return JSON.stringify(value);
    return value instanceof Error ? value.message : String(value);
  } catch {
    return `${typeof value} without a text`;
  }
}

/** What a getter or a proxy of the caller's threw. */
function unreadable(option: string, cause: unknown): OverlayError {
  const sentence = `${option} cannot be read: ${textOf(cause)}`;
  const hint = 'pass a plain object whose fields can be read';
  return new OverlayError([{ code: 'ERR_OVERLAY_INVALID_TYPE', sentence, hint, option }], cause);
}

/** One field of an object of the caller's. */
export function fieldOf(value: object, name: string, option: string = name): unknown {
  try {
    return (value as Fields)[name];
  } catch (error) {
    throw unreadable(option, error);
  }
}

/** Whether an object has all these fields, of its own or inherited; what throws when it is asked has none. */
export function hasFields(value: unknown, ...names: readonly (string | symbol)[]): value is object {
  try {
    return typeof value === 'object' && value !== null && names.every((name) => name in value);
  } catch {
    return false;
  }
}

/** The error for a field that does not exist. */
export function refuseUnknown(name: string, known: readonly string[]): never {
  const near = nearestName(name, known);
  return refuse(
    'ERR_OVERLAY_UNKNOWN_OPTION',
    { option: name },
    `there is no option ${name}`,
    near === undefined ? `those that exist: ${known.join(', ')}` : `did you mean ${near}?`,
  );
}

/**
 * The known fields of an object, also those that it inherits: a copy, so that they cannot change any more.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION
 */
export function readFields(
  value: unknown,
  what: string,
  known: readonly string[],
  onUnknown: (name: string, known: readonly string[]) => never = refuseUnknown,
): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return wrongType(what, 'an object', value);
  const fields: Fields = {};
  let at = what;
  try {
    for (at in value) if (!known.includes(at)) onUnknown(at, known);
    for (at of known) {
      const field = (value as Fields)[at];
      if (field !== undefined) fields[at] = field;
    }
  } catch (error) {
    throw error instanceof OverlayError ? error : unreadable(at, error);
  }
  return fields;
}

/** A copy of an object whose fields are checked later; anything else as it is. */
export function copyOf(value: unknown, what: string): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  let at = what;
  try {
    return Object.fromEntries(
      Object.keys(value).map((name) => {
        at = name;
        return [name, (value as Fields)[name]];
      }),
    );
  } catch (error) {
    throw unreadable(at, error);
  }
}

/** A list of the possible values, or a test with words for what passes it. */
export type Check =
  | readonly unknown[]
  | { readonly expected: string; readonly passes: (value: unknown) => boolean };

const typed = (type: string, expected: string): Check => ({
  expected,
  passes: (value) => typeof value === type,
});

export const FLAG: Check = { expected: 'true or false', passes: (value) => typeof value === 'boolean' };
export const TEXT: Check = typed('string', 'a string');
export const CALLBACK: Check = typed('function', 'a function');
/** By whoever takes it apart. */
export const CHECKED_LATER: Check = { expected: 'anything', passes: () => true };
/** Also one of another realm, as test runners have them. */
export const SIGNAL: Check = {
  expected: 'an AbortSignal',
  passes: (value) =>
    typeof value === 'object' &&
    value !== null &&
    typeof (value as Partial<AbortSignal>).throwIfAborted === 'function' &&
    typeof (value as Partial<AbortSignal>).addEventListener === 'function',
};

function passes(option: string, test: (value: unknown) => boolean, value: unknown): boolean {
  try {
    return test(value);
  } catch (error) {
    throw unreadable(option, error);
  }
}

/** Refuses a value that is there and does not pass. @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_INVALID_VALUE */
export function checkField(option: string, value: unknown, check: Check): void {
  if (value === undefined) return;
  if ('passes' in check) {
    if (!passes(option, check.passes, value)) wrongType(option, check.expected, value);
    return;
  }
  if (check.includes(value)) return;
  const possible = check.map((one) => JSON.stringify(one)).join(' or ');
  if (!check.some((one) => typeof one === typeof value)) wrongType(option, possible, value);
  refuse(
    'ERR_OVERLAY_INVALID_VALUE',
    { option },
    `${option} is ${textOf(value)}, and must be ${possible}`,
    `set ${option} to ${possible}`,
  );
}

/**
 * An object of options, each checked by the table; `undefined` stands for none, and is the value of each that is absent.
 *
 * @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, ERR_OVERLAY_UNKNOWN_OPTION, ERR_OVERLAY_INVALID_VALUE
 */
export function readOptions<T extends object>(
  options: unknown,
  checks: { readonly [K in keyof T]-?: Check },
  what = 'options',
): Partial<T> {
  if (options === undefined) return {};
  const fields = readFields(options, what, Object.keys(checks));
  for (const name in fields) checkField(name, fields[name], checks[name as keyof T]);
  return fields as Partial<T>;
}
