// From words that cannot be read or written to the error that users meet.
import type { FormatError } from '../format/format-error.ts';
import { OverlayError } from './overlay-error.ts';

/** The same code, sentence and hint. */
export function explainFormatError(error: FormatError): OverlayError {
  const { code, message, option, hint } = error;
  return new OverlayError([{ code, sentence: message, hint, option }], error);
}
