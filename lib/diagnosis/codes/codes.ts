// The register of error codes: what docs/errors.md is made of, and their type. No program loads it: only its type is used.
import { APPLY_CODES } from './apply-codes.ts';
import { ARGUMENT_CODES } from './argument-codes.ts';
import { DANGER_CODES } from './danger-codes.ts';
import { DIRECTORY_CODES } from './directory-codes.ts';
import { IMAGE_CODES } from './image-codes.ts';
import { LAYER_CODES } from './layer-codes.ts';
import { LIVE_CODES } from './live-codes.ts';
import { MACHINE_CODES } from './machine-codes.ts';
import type { CodeRow } from './row.ts';
import { RUN_CODES } from './run-codes.ts';
import { RUN_TIME_CODES } from './run-time-codes.ts';
import { STORE_CODES } from './store-codes.ts';

/** Every code that is thrown, or found by `explain`. A minor release may add some. */
export type ErrorCode =
  | keyof typeof APPLY_CODES
  | keyof typeof ARGUMENT_CODES
  | keyof typeof DANGER_CODES
  | keyof typeof DIRECTORY_CODES
  | keyof typeof IMAGE_CODES
  | keyof typeof LAYER_CODES
  | keyof typeof LIVE_CODES
  | keyof typeof MACHINE_CODES
  | keyof typeof RUN_CODES
  | keyof typeof RUN_TIME_CODES
  | keyof typeof STORE_CODES;

/** In the order of the page. A code has one row, be it thrown in more than one place. */
export const CODES: Readonly<
  Record<
    | 'arguments'
    | 'directories'
    | 'machine'
    | 'dangers'
    | 'live'
    | 'layers'
    | 'apply'
    | 'run'
    | 'images'
    | 'store'
    | 'runTime',
    Readonly<Record<string, CodeRow>>
  >
> = {
  arguments: ARGUMENT_CODES,
  directories: DIRECTORY_CODES,
  machine: MACHINE_CODES,
  dangers: DANGER_CODES,
  live: LIVE_CODES,
  layers: LAYER_CODES,
  apply: APPLY_CODES,
  run: RUN_CODES,
  images: IMAGE_CODES,
  store: STORE_CODES,
  runTime: RUN_TIME_CODES,
};
