// What option text asks for: mount(8)'s -o text read into the parts of a mount spec.

import { isUtf8 } from 'node:buffer';
import { ATTRIBUTE_WORDS, applyAttributeWord, PROPAGATION_WORDS, wordsToAttributes } from './attributes.ts';
import { unescapeValue } from './escape.ts';
import { FormatError } from './format-error.ts';
import type { AnyOverlayOptions, MountAttributes, OverlayOptions, Propagation } from './mount-spec.ts';
import { splitLowerdir, splitOptionText } from './option-text.ts';
import { OPTION_KEYS, type Parameter, parametersToOptions, readParameter, spellingsOf } from './options.ts';
import { bytesToPath } from './path-bytes.ts';

/** Spec parts that option text can hold: `mount({ ...parseOptions(text), target })`. What the text does not say is absent. */
export interface ParsedOptions {
  /** Top first; a path is a string where its bytes are UTF-8, a Buffer where not. */
  lower?: (string | Buffer)[];
  data?: (string | Buffer)[];
  upper?: string | Buffer;
  work?: string | Buffer;
  /** Not checked for conflicts: `mount` and `explain` do that. */
  options?: OverlayOptions;
  attributes?: MountAttributes;
  propagation?: Propagation;
  /** The text asks to change a mount that is there already. */
  remount?: true;
  /** Words for mount(8) and fstab(5) alone, which a mount does not need. */
  ignored?: string[];
}

/** mount(8)'s words that are no business of the kernel; some stand for attributes, unless a later word says otherwise. */
const IGNORED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...[
    'defaults',
    'auto',
    'noauto',
    'nouser',
    'nousers',
    'noowner',
    'nogroup',
    'nofail',
    '_netdev',
    '_rnetdev',
  ].map((word): [string, string[]] => [word, []]),
  ...[
    'async',
    'nolazytime',
    'nomand',
    'noiversion',
    'iversion',
    'silent',
    'loud',
    'comment',
    'helper',
    'uhelper',
  ].map((word): [string, string[]] => [word, []]),
  ['user', ['nosuid', 'nodev', 'noexec']],
  ['users', ['nosuid', 'nodev', 'noexec']],
  ['owner', ['nosuid', 'nodev']],
  ['group', ['nosuid', 'nodev']],
]);

/** Words that ask mount(8) for something other than a new overlay. */
const OTHER_OPERATIONS: ReadonlySet<string> = new Set(['bind', 'rbind', 'move', 'loop']);

function textError(problem: string, option: string, hint: string): FormatError {
  return new FormatError('ERR_OVERLAY_OPTION_TEXT', problem, { option, hint });
}

function layerValue(parameter: Parameter, name: string): Uint8Array {
  const value = parameter.value as Uint8Array | undefined;
  if (value === undefined || value.length === 0) {
    throw textError(`${parameter.key} has no value`, name, `write ${parameter.key}=/some/directory`);
  }
  return value;
}

class Reader {
  readonly parts: ParsedOptions = {};
  readonly #parameters: Parameter[] = [];
  readonly #read = new Map<string, boolean | string>();
  #lowerdir = false;

  layer(parameter: Parameter): boolean {
    switch (parameter.key) {
      case 'lowerdir': {
        if (this.parts.lower !== undefined || this.parts.data !== undefined)
          throw this.#twice('lowerdir', 'lower');
        const { lower, data } = splitLowerdir(layerValue(parameter, 'lower'));
        this.parts.lower = lower.map(bytesToPath);
        if (data.length > 0) this.parts.data = data.map(bytesToPath);
        this.#lowerdir = true;
        return true;
      }
      case 'lowerdir+':
        if (this.parts.data !== undefined && !this.#lowerdir) {
          throw textError('lowerdir+ after datadir+', 'lower', 'name the data-only layers last');
        }
        this.#append('lower', parameter);
        return true;
      case 'datadir+':
        this.#append('data', parameter);
        return true;
      case 'upperdir':
      case 'workdir': {
        const name = parameter.key === 'upperdir' ? 'upper' : 'work';
        if (this.parts[name] !== undefined) throw this.#twice(parameter.key, name);
        this.parts[name] = bytesToPath(unescapeValue(layerValue(parameter, name)));
        return true;
      }
      default:
        return false;
    }
  }

  /** The kernel takes the values of lowerdir+ and datadir+ as they are, backslashes included. */
  #append(name: 'lower' | 'data', parameter: Parameter): void {
    if (this.#lowerdir) throw this.#twice('lowerdir', 'lower');
    const path = bytesToPath(layerValue(parameter, name));
    const layers = this.parts[name];
    if (layers === undefined) this.parts[name] = [path];
    else layers.push(path);
  }

  #twice(key: string, name: string): FormatError {
    return textError(
      `${key} is given more than once`,
      name,
      `keep one: the kernel silently takes the last ${key}`,
    );
  }

  /** Words that have no value: attributes, propagation, and what is for mount(8) alone. */
  word(key: string): boolean {
    if (ATTRIBUTE_WORDS.has(key)) {
      this.parts.attributes = applyAttributeWord(this.parts.attributes ?? {}, key);
      return true;
    }
    const propagation = PROPAGATION_WORDS.get(key);
    if (propagation !== undefined) {
      this.parts.propagation = propagation;
      return true;
    }
    if (key === 'remount') {
      this.parts.remount = true;
      return true;
    }
    if (OTHER_OPERATIONS.has(key)) {
      throw textError(`${key} asks for something other than an overlay`, key, `leave ${key} out`);
    }
    return false;
  }

  ignored(parameter: Parameter): boolean {
    const { key } = parameter;
    const implied = IGNORED.get(key);
    if (implied === undefined && !key.startsWith('x-') && !key.startsWith('X-')) return false;
    const value = parameter.value === undefined ? '' : `=${Buffer.from(parameter.value).toString('utf8')}`;
    this.parts.ignored = [...(this.parts.ignored ?? []), `${key}${value}`];
    if (implied !== undefined && implied.length > 0) {
      this.parts.attributes = { ...this.parts.attributes, ...wordsToAttributes(implied) };
    }
    return true;
  }

  option(parameter: Parameter): void {
    const { key, value } = parameter;
    const read = readParameter(parameter);
    if (read === undefined && OPTION_KEYS.has(key)) {
      const name = OPTION_KEYS.get(key)!;
      const ways = spellingsOf(name);
      throw textError(
        value === undefined
          ? `${key} has no value`
          : `${key} with the value ${JSON.stringify(Buffer.from(value).toString('utf8'))}, which it does not take`,
        name,
        `write ${ways.slice(0, -1).join(', ')}${ways.length > 1 ? ' or ' : ''}${ways.at(-1)}`,
      );
    }
    if (read === undefined) this.#checkRaw(key, value as Uint8Array | undefined);
    const name = read?.name ?? `raw.${key}`;
    const meaning = read?.value ?? (value === undefined ? true : Buffer.from(value).toString('utf8'));
    if (this.#read.has(name) && this.#read.get(name) !== meaning) {
      throw textError(
        `${key} is given twice, differently`,
        name,
        'keep one: the kernel silently takes the last',
      );
    }
    this.#read.set(name, meaning);
    this.#parameters.push(parameter);
  }

  #checkRaw(key: string, value: Uint8Array | undefined): void {
    if (key.trim() !== key) {
      throw textError(
        `a blank or newline around '${key.trim()}'`,
        key.trim(),
        'write the options without blanks',
      );
    }
    if (
      ATTRIBUTE_WORDS.has(key) ||
      PROPAGATION_WORDS.has(key) ||
      OTHER_OPERATIONS.has(key) ||
      key === 'remount'
    ) {
      throw textError(`${key} takes no value`, key, `write ${key} alone`);
    }
    if (value !== undefined && !isUtf8(value)) {
      throw textError(`the value of ${key} is no UTF-8`, key, 'only paths can be arbitrary bytes');
    }
  }

  finish(): ParsedOptions {
    if (this.#parameters.length > 0) {
      const options: AnyOverlayOptions = parametersToOptions(this.#parameters);
      this.parts.options = options as OverlayOptions;
    }
    return this.parts;
  }
}

/**
 * Reads mount(8)'s -o text: `lowerdir=/a:/b,upperdir=/u,workdir=/w,index=on,ro,nosuid`. Backslash escapes are undone, words
 * that this release does not know go to `options.raw`, later attributes win over earlier ones as in mount(8).
 *
 * @param text a string stands for its UTF-8 bytes
 * @throws {FormatError} `ERR_OVERLAY_OPTION_TEXT` where the kernel would refuse the text, and where it would silently take
 * the last of several values
 */
export function parseOptions(text: string | Uint8Array): ParsedOptions {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text;
  if (bytes.includes(0))
    throw textError('a NUL byte in the text', 'options', 'no option can contain a NUL byte');
  const reader = new Reader();
  for (const parameter of splitOptionText(bytes)) {
    const known =
      reader.layer(parameter) ||
      (parameter.value === undefined && reader.word(parameter.key)) ||
      reader.ignored(parameter);
    if (!known) reader.option(parameter);
  }
  return reader.finish();
}
