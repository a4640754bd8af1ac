// Overlay options as values and as the key-value parameters that the kernel takes, in both directions.

import { FormatError } from './format-error.ts';
import type { AnyOverlayOptions } from './mount-spec.ts';
import { OVERLAY_OPTIONS, type OverlayOptionName, type OverlayOptionRow } from './option-table.ts';

export type { OptionProblem, StackShape } from './check-options.ts';
export { checkOptions, findConflict } from './check-options.ts';
export { LAYER_KEYS, OPTION_KEYS, OVERLAY_OPTIONS } from './option-table.ts';

/** One parameter of fsconfig(2), or one word of mount(2) text; without a value it is a flag. */
export type Parameter = { readonly key: string; readonly value?: string | Uint8Array };

type OptionValue = boolean | string;
/** A parameter read as an option of ours. */
export type OptionReading = { readonly name: OverlayOptionName; readonly value: OptionValue };

/** What is sent for a value; null: nothing, it is what the kernel does anyway. */
function parameterFor(row: OverlayOptionRow, value: OptionValue): Parameter | null {
  switch (row.kind) {
    case 'onOff':
      return { key: row.key, value: value ? 'on' : 'off' };
    case 'choice':
      return { key: row.key, value: String(value) };
    case 'flag':
      return value ? { key: row.key } : null;
    case 'negatable':
      return { key: value ? row.key : `no${row.key}` };
  }
}

// Both directions are worked out once: a mount then only looks things up.
const SENT = new Map<string, ReadonlyMap<unknown, Parameter | null>>();
const READ = new Map<string, OptionReading>();

const spelled = (key: string, value: string | undefined): string =>
  value === undefined ? key : `${key}=${value}`;

for (const row of OVERLAY_OPTIONS) {
  const byValue = new Map<unknown, Parameter | null>();
  for (const value of row.values) {
    const parameter = parameterFor(row, value);
    byValue.set(value, parameter && Object.freeze(parameter));
    if (parameter === null) continue;
    READ.set(spelled(parameter.key, parameter.value as string | undefined), { name: row.name, value });
  }
  SENT.set(row.name, byValue);
}
// Linux 6.18.44 and later show `volatile` as the value of fsync that it is.
READ.set('fsync=volatile', { name: 'volatile', value: true });

/** How an option is written in option text: `index=on`, `index=off`. */
export function spellingsOf(name: string): string[] {
  return [...READ].filter(([, reading]) => reading.name === name).map(([text]) => text);
}

/**
 * The parameters to send for options that `checkOptions` has passed.
 *
 * @throws {FormatError} `ERR_OVERLAY_OPTION_VALUE` for a name or value that the option table does not hold
 */
export function optionsToParameters(options: AnyOverlayOptions): Parameter[] {
  const parameters: Parameter[] = [];
  for (const name of Object.keys(options)) {
    const value = options[name as keyof AnyOverlayOptions];
    if (value === undefined) continue;
    if (name === 'raw') {
      for (const [key, word] of Object.entries(options.raw!)) {
        parameters.push(word === true ? { key } : { key, value: word });
      }
      continue;
    }
    const parameter = SENT.get(name)?.get(value);
    if (parameter === undefined) {
      throw new FormatError(
        'ERR_OVERLAY_OPTION_VALUE',
        `${name}: ${String(value)} is not in the option table`,
        {
          option: name,
          hint: 'check options with checkOptions before sending them',
        },
      );
    }
    if (parameter !== null) parameters.push(parameter);
  }
  return parameters;
}

const asText = (value: string | Uint8Array): string =>
  typeof value === 'string'
    ? value
    : Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('utf8');

/** What a parameter says in our words; undefined when the option table knows no such key or value. */
export function readParameter(parameter: Parameter): OptionReading | undefined {
  const { key, value } = parameter;
  return READ.get(spelled(key, value === undefined ? undefined : asText(value)));
}

/**
 * The options that parameters stand for. What the table does not know goes to `raw`; of a repeated one the last counts, as
 * in the kernel. A raw value that is no UTF-8 comes out with U+FFFD in it.
 */
export function parametersToOptions(parameters: Iterable<Parameter>): AnyOverlayOptions {
  const options: { -readonly [Name in keyof AnyOverlayOptions]: unknown } = {};
  const raw: [string, string | true][] = [];
  for (const parameter of parameters) {
    const read = readParameter(parameter);
    if (read !== undefined) options[read.name] = read.value;
    else raw.push([parameter.key, parameter.value === undefined ? true : asText(parameter.value)]);
  }
  // fromEntries makes `__proto__` an ordinary key.
  if (raw.length > 0) options.raw = Object.fromEntries(raw);
  return options as AnyOverlayOptions;
}
