// The parts of a mount spec written as mount(8)'s -o text; the inverse of parse-options.ts.

import { attributesToWords, checkAttributes } from './attributes.ts';
import { escapeOptionValue } from './escape.ts';
import { FormatError } from './format-error.ts';
import type { AnyOverlayOptions, LayerSource, MountAttributes, Propagation } from './mount-spec.ts';
import { joinLowerdir, joinOptionText } from './option-text.ts';
import { optionsToParameters, type Parameter } from './options.ts';
import { pathToBytes } from './path-bytes.ts';

/** What text can say of a spec: a `MountSpec` fits, and what `parseOptions` gives. Other properties are not looked at. */
export interface FormattableSpec {
  readonly lower?: LayerSource | readonly LayerSource[];
  readonly data?: readonly LayerSource[];
  readonly upper?: LayerSource;
  readonly work?: LayerSource;
  readonly options?: AnyOverlayOptions;
  readonly attributes?: MountAttributes;
  readonly propagation?: Propagation;
  readonly remount?: boolean;
  readonly ignored?: readonly string[];
}

function layerBytes(layer: LayerSource, option: string): Buffer {
  if (typeof layer === 'object' && layer !== null && 'fd' in layer) {
    throw new FormatError(
      'ERR_OVERLAY_OPTION_VALUE',
      `${option} is an open directory, which text cannot name`,
      {
        option,
        hint: 'give the path of the directory',
      },
    );
  }
  return pathToBytes(layer, option);
}

function layerList(layers: LayerSource | readonly LayerSource[], option: string): Buffer[] {
  return (Array.isArray(layers) ? layers : [layers]).map((layer: LayerSource) => layerBytes(layer, option));
}

/**
 * The -o text for mount(8), mount(2) and fstab(5), without target and source, which are arguments of their own there.
 *
 * @throws {FormatError} `ERR_OVERLAY_OPTION_VALUE` for what text cannot say: an open directory, an empty list of lowers, a
 * raw value with a comma, attributes that exclude each other; `ERR_OVERLAY_INVALID_PATH` for a path that no system call takes
 */
export function formatOptions(spec: FormattableSpec): Buffer {
  const parameters: Parameter[] = [];
  if (spec.lower !== undefined || spec.data !== undefined) {
    const lower = layerList(spec.lower === undefined ? [] : spec.lower, 'lower');
    parameters.push({ key: 'lowerdir', value: joinLowerdir(lower, layerList(spec.data ?? [], 'data')) });
  }
  if (spec.upper !== undefined) {
    parameters.push({ key: 'upperdir', value: escapeOptionValue(layerBytes(spec.upper, 'upper')) });
  }
  if (spec.work !== undefined) {
    parameters.push({ key: 'workdir', value: escapeOptionValue(layerBytes(spec.work, 'work')) });
  }
  if (spec.options !== undefined) parameters.push(...optionsToParameters(spec.options));
  const problem = checkAttributes(spec.attributes ?? {});
  if (problem !== undefined) {
    const { option, hint } = problem;
    throw new FormatError('ERR_OVERLAY_OPTION_VALUE', problem.sentence, { option, hint });
  }
  // Ignored words come before the attributes: `user` stands for nosuid and others, and what is said later counts.
  const words = [
    ...(spec.remount === true ? ['remount'] : []),
    ...(spec.ignored ?? []),
    ...attributesToWords(spec.attributes ?? {}),
    ...(spec.propagation === undefined ? [] : [spec.propagation]),
  ];
  for (const word of words) parameters.push({ key: word });
  return joinOptionText(parameters);
}
