// What a spec says besides layers, where it says anything: options and attributes checked, and names that are none.
import { attributesToFsmountBits, checkAttributes } from '../format/attributes.ts';
import type { AnyOverlayOptions, MountAttributes } from '../format/mount-spec.ts';
import { nearestName } from '../format/nearest-name.ts';
import { optionError } from '../format/option-error.ts';
import { LAYER_KEYS, OPTION_KEYS, OVERLAY_OPTIONS } from '../format/option-table.ts';
import {
  checkOptions,
  type OptionProblem,
  optionsToParameters,
  type Parameter,
  type StackShape,
} from '../format/options.ts';
import { refuse } from './refuse.ts';

/** Throws the error for what a check of options or attributes found, if anything. */
export function refuseProblem(problem: OptionProblem | undefined): void {
  if (problem !== undefined) throw optionError(problem);
}

/** @throws {OverlayError} for what is no option, and for options that exclude each other */
export function readOptions(options: unknown, shape: StackShape): Parameter[] {
  refuseProblem(checkOptions(options, shape));
  return optionsToParameters(options as AnyOverlayOptions);
}

/** The bits of MOUNT_ATTR_*. @throws {OverlayError} for what is no attribute */
export function readAttributes(attributes: unknown): number {
  refuseProblem(checkAttributes(attributes));
  return attributesToFsmountBits(attributes as MountAttributes);
}

/** @throws {OverlayError} ERR_OVERLAY_UNKNOWN_OPTION */
export function refusePart(name: string, fields: readonly string[]): never {
  const near = LAYER_KEYS.get(name) ?? nearestName(name, fields);
  const inside = placeInside(name);
  return refuse(
    'ERR_OVERLAY_UNKNOWN_OPTION',
    { option: name },
    `${JSON.stringify(name)} is not part of a mount spec`,
    inside ?? (near === undefined ? `the parts are ${fields.join(', ')}` : `did you mean ${near}?`),
  );
}

// What is part of a part.
function placeInside(name: string): string | undefined {
  if (OVERLAY_OPTIONS.some((row) => row.name === name) || name === 'raw') {
    return `it is an option: options: { ${name}: … }`;
  }
  const option = OPTION_KEYS.get(name);
  if (option !== undefined && option !== name) return `it is an option: options: { ${option}: … }`;
  return checkAttributes({ [name]: true }) === undefined
    ? `it is an attribute: attributes: { ${name}: true }`
    : undefined;
}
