// What is wrong with a set of overlay options, found out before any system call.

import type { AnyOverlayOptions } from './mount-spec.ts';
import { nearestName } from './nearest-name.ts';
import { LAYER_KEYS, OPTION_KEYS, OVERLAY_OPTIONS, type OverlayOptionRow } from './option-table.ts';

/** What the options go with. */
export interface StackShape {
  readonly upper: boolean;
  readonly data: boolean;
}

/**
 * - `unknown`: no such option
 * - `type`: not a value of the right type
 * - `value`: of the right type, but not one of the values
 * - `conflict`: it and `other` exclude each other
 * - `useless`: the kernel would drop it without a word
 */
export interface OptionProblem {
  readonly kind: 'unknown' | 'type' | 'value' | 'conflict' | 'useless';
  readonly option: string;
  readonly other?: string;
  /** What is wrong. */
  readonly sentence: string;
  /** What to do about it. */
  readonly hint: string;
}

const ROWS: ReadonlyMap<string, OverlayOptionRow> = new Map(OVERLAY_OPTIONS.map((row) => [row.name, row]));
const WITH_CONFLICTS = OVERLAY_OPTIONS.filter((row) => row.conflicts.length > 0);
const WITH_USELESS_VALUES = OVERLAY_OPTIONS.filter((row) => row.uselessWithoutUpper.length > 0);

/** Names that people write as an option and that belong elsewhere in the spec. */
const ELSEWHERE: ReadonlyMap<string, string> = new Map([
  ...[...LAYER_KEYS].map(([key, name]): [string, string] => [key, `the spec's ${name}`]),
  ...['lower', 'data', 'upper', 'work', 'target', 'source', 'propagation'].map((name): [string, string] => [
    name,
    `the spec's ${name}`,
  ]),
  ['ro', 'attributes: { readOnly: true }'],
  ['rw', 'attributes: { readOnly: false }'],
  ...[
    'readOnly',
    'nosuid',
    'nodev',
    'noexec',
    'noatime',
    'relatime',
    'strictatime',
    'nodiratime',
    'nosymfollow',
  ].map((name): [string, string] => [name, `attributes: { ${name}: true }`]),
]);

function unknownOption(name: string): OptionProblem {
  const elsewhere = ELSEWHERE.get(name);
  const meant = OPTION_KEYS.get(name) ?? nearestName(name, ROWS.keys());
  let hint = 'pass an option that this release does not know yet as options.raw';
  if (elsewhere !== undefined) hint = `use ${elsewhere}`;
  else if (meant !== undefined) hint = `did you mean ${meant}?`;
  return { kind: 'unknown', option: name, sentence: `there is no overlay option ${name}`, hint };
}

const quoted = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value));

function listed(values: readonly unknown[]): string {
  return values.length === 1
    ? quoted(values[0])
    : `${values.slice(0, -1).map(quoted).join(', ')} or ${quoted(values.at(-1))}`;
}

function badValue(row: OverlayOptionRow, value: unknown): OptionProblem {
  const right = listed(row.values);
  const wanted = typeof row.values[0];
  let hint = `use ${right}`;
  if (wanted === 'boolean' && (value === 'on' || value === 'off')) hint = `write ${value === 'on'}`;
  if (row.name === 'fsync' && value === 'volatile')
    hint = 'write volatile: true, which older kernels know too';
  return typeof value === wanted
    ? { kind: 'value', option: row.name, sentence: `${row.name} cannot be ${quoted(value)}`, hint }
    : {
        kind: 'type',
        option: row.name,
        sentence: `${row.name} must be ${right}, not ${described(value)}`,
        hint,
      };
}

function described(value: unknown): string {
  if (typeof value === 'string') return quoted(value);
  if (typeof value === 'function') return 'a function';
  if (value === null || typeof value !== 'object') return String(value);
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** Keys that mean something to the VFS or to mount(2) itself, so that `raw` would say it twice. */
const TAKEN: ReadonlyMap<string, string> = new Map([
  ...LAYER_KEYS,
  ...OPTION_KEYS,
  ['source', 'source'],
  ['ro', 'attributes.readOnly'],
  ['rw', 'attributes.readOnly'],
]);

function rawProblem(
  kind: OptionProblem['kind'],
  sentence: string,
  hint: string,
  other?: string,
): OptionProblem {
  return { kind, option: 'raw', ...(other === undefined ? {} : { other }), sentence, hint };
}

function checkRaw(raw: unknown): OptionProblem | undefined {
  if (raw === null || typeof raw !== 'object' || Array.isArray(raw)) {
    return rawProblem(
      'type',
      `raw must be an object, not ${described(raw)}`,
      'use raw: { key: "value", flag: true }',
    );
  }
  for (const [key, value] of Object.entries(raw)) {
    const owner = TAKEN.get(key);
    if (owner !== undefined) {
      return rawProblem(
        'conflict',
        `raw repeats ${key}, which is ${owner}`,
        `use ${owner} instead of raw`,
        owner,
      );
    }
    if (key === '' || key.includes('\0') || key.includes('=') || key.includes(',')) {
      return rawProblem(
        'value',
        `raw has a key that no option can have: ${JSON.stringify(key)}`,
        'use the bare name',
      );
    }
    if (value !== true && typeof value !== 'string') {
      return rawProblem(
        'type',
        `raw.${key} must be a string or true, not ${described(value)}`,
        'use true for a flag',
      );
    }
    if (value !== true && value.includes('\0')) {
      return rawProblem('value', `raw.${key} contains a NUL byte`, 'no option value can contain a NUL byte');
    }
  }
  return undefined;
}

/** The first pair of options that the kernel refuses together; both must hold values of the table. */
export function findConflict(
  options: AnyOverlayOptions,
  stack: { readonly upper: boolean },
): OptionProblem | undefined {
  for (const row of WITH_CONFLICTS) {
    const value = options[row.name];
    if (value === undefined) continue;
    for (const conflict of row.conflicts) {
      if (conflict.value !== value || (conflict.withUpperOnly && !stack.upper)) continue;
      const other = options[conflict.other];
      if (other === undefined || !conflict.values.includes(other)) continue;
      return {
        kind: 'conflict',
        option: row.name,
        other: conflict.other,
        sentence: `${row.name}: ${quoted(value)} and ${conflict.other}: ${quoted(other)} exclude each other`,
        hint: conflict.hint,
      };
    }
  }
  return undefined;
}

/** An option that the kernel would drop with no more than a line in its log (catalogue of silent downgrades). */
function findUseless(options: AnyOverlayOptions): OptionProblem | undefined {
  for (const row of WITH_USELESS_VALUES) {
    const value = options[row.name];
    if (value === undefined || !row.uselessWithoutUpper.includes(value)) continue;
    // nfsExport brings the index with it, upper or not: saying so is no mistake.
    if (row.name === 'index' && options.nfsExport === true) continue;
    return {
      kind: 'useless',
      option: row.name,
      other: 'upper',
      sentence: `${row.name}: ${quoted(value)} has no effect without an upper layer`,
      hint: `give an upper, or leave ${row.name} out`,
    };
  }
  // REDIRECTS_SPOIL_EXPORT: without an upper the kernel drops nfs_export unless redirects are not followed.
  if (options.nfsExport === true && options.redirectDir !== 'nofollow') {
    return {
      kind: 'useless',
      option: 'nfsExport',
      other: 'redirectDir',
      sentence: "nfsExport: true has no effect without an upper layer unless redirectDir is 'nofollow'",
      hint: "add redirectDir: 'nofollow', or give an upper",
    };
  }
  return undefined;
}

/**
 * The first problem of options that come from anywhere, or undefined. Values of `undefined` count as absent.
 *
 * What only some kernels refuse passes: the kernel has the last word, `features()` the first.
 */
export function checkOptions(options: unknown, stack: StackShape): OptionProblem | undefined {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    return {
      kind: 'type',
      option: 'options',
      sentence: `options must be an object, not ${described(options)}`,
      hint: 'use options: { name: value }, or parseOptions() for text',
    };
  }
  const given = options as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    const value = given[name];
    if (value === undefined) continue;
    if (name === 'raw') {
      const problem = checkRaw(value);
      if (problem !== undefined) return problem;
      continue;
    }
    const row = ROWS.get(name);
    if (row === undefined) return unknownOption(name);
    if (!row.values.includes(value as boolean | string)) return badValue(row, value);
  }
  const known = given as AnyOverlayOptions;
  return findConflict(known, stack) ?? (stack.upper ? undefined : findUseless(known));
}
