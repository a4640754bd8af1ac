// What goes wrong with images and layers, as the one error that users meet.
import { explainFormatError } from '../diagnosis/format-failure.ts';
import { FormatError } from '../format/format-error.ts';
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { ENOENT } from '../kernel/errno.ts';
import { pathFailure } from '../layer/path-failure.ts';

/** One finding as an error. */
export function failure(
  code: string,
  sentence: string,
  hint: string,
  more: Pick<Finding, 'option' | 'path'> & { readonly cause?: unknown } = {},
): OverlayError {
  const { cause, ...place } = more;
  return new OverlayError([{ code, sentence, hint, ...place }], cause);
}

/** Names for people: text where they are UTF-8, escaped where a terminal would act on them. */
export function quoted(name: string | Uint8Array): string {
  return JSON.stringify(typeof name === 'string' ? name : Buffer.from(name).toString());
}

/** A failed call of node:fs or of ours. */
export function isSystemError(error: unknown): error is Error & { errno: number; code: string } {
  return error instanceof Error && typeof (error as { errno?: unknown }).errno === 'number';
}

export function isErrno(error: unknown, ...numbers: number[]): boolean {
  return isSystemError(error) && numbers.includes(-error.errno);
}

/** What was thrown while a path was dealt with, as an OverlayError; an aborted signal's reason stays what it is. */
export function explained(error: unknown, path: string): unknown {
  if (error instanceof FormatError) return explainFormatError(error);
  if (!isSystemError(error) || error instanceof OverlayError) return error;
  return pathFailure(error, path);
}

/** The file of an image that is not there has a sentence of its own. */
export function explainedFile(error: unknown, path: string, what: string): unknown {
  if (!isErrno(error, ENOENT)) return explained(error, path);
  const sentence = `${what} is not there: ${path} does not exist`;
  return failure('ERR_OVERLAY_NOT_FOUND', sentence, 'fetch or make the image again, or correct the path', {
    path,
    cause: error,
  });
}

/** What went wrong with one layer of several says with which. */
export function ofLayer(error: unknown, layer: number, count: number): unknown {
  if (!(error instanceof OverlayError) || count === 1) return error;
  const [first, ...others] = error.findings;
  const place = `layer ${layer + 1} of ${count}`;
  if (first === undefined || first.sentence.startsWith(place)) return error;
  return new OverlayError([{ ...first, sentence: `${place}: ${first.sentence}` }, ...others], error.cause);
}
