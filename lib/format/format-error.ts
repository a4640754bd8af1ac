// What this floor throws when words cannot be read or written; the floors above turn it into an OverlayError.

/**
 * - `ERR_OVERLAY_OPTION_TEXT`: option text that cannot be read, or reads differently from what was meant
 * - `ERR_OVERLAY_OPTION_VALUE`: a value that option text has no way to say
 * - `ERR_OVERLAY_INVALID_PATH`: a path that no system call takes
 * - `ERR_OVERLAY_KERNEL_TEXT`: bytes that are not in the form the kernel documents
 */
export type FormatErrorCode =
  | 'ERR_OVERLAY_OPTION_TEXT'
  | 'ERR_OVERLAY_OPTION_VALUE'
  | 'ERR_OVERLAY_INVALID_PATH'
  | 'ERR_OVERLAY_KERNEL_TEXT'
  | TarErrorCode
  | ImageErrorCode;

/**
 * - `ERR_OVERLAY_TAR_TRUNCATED`: an archive whose end is missing
 * - `ERR_OVERLAY_TAR_CORRUPT`: bytes that are no tar archive, or a broken one
 * - `ERR_OVERLAY_TAR_UNSUPPORTED`: an archive that says what is not known
 * - `ERR_OVERLAY_TAR_LIMIT`: an archive that would take too much memory
 * - `ERR_OVERLAY_TAR_VALUE`: what no archive can say
 */
export type TarErrorCode =
  | 'ERR_OVERLAY_TAR_TRUNCATED'
  | 'ERR_OVERLAY_TAR_CORRUPT'
  | 'ERR_OVERLAY_TAR_UNSUPPORTED'
  | 'ERR_OVERLAY_TAR_LIMIT'
  | 'ERR_OVERLAY_TAR_VALUE';

/**
 * - `ERR_OVERLAY_LAYER_NAME`: a name in a layer that leads out of it, or that nothing may have
 * - `ERR_OVERLAY_IMAGE_DOCUMENT`: an index, manifest or config that is not of its form
 * - `ERR_OVERLAY_IMAGE_MEDIA_TYPE`: a media type that is not known
 * - `ERR_OVERLAY_IMAGE_DIGEST`: a digest that is none, or of an algorithm that is not known
 * - `ERR_OVERLAY_IMAGE_PLATFORM`: an image for none of the platforms that are wanted
 */
export type ImageErrorCode =
  | 'ERR_OVERLAY_LAYER_NAME'
  | 'ERR_OVERLAY_IMAGE_DOCUMENT'
  | 'ERR_OVERLAY_IMAGE_MEDIA_TYPE'
  | 'ERR_OVERLAY_IMAGE_DIGEST'
  | 'ERR_OVERLAY_IMAGE_PLATFORM';

export interface FormatErrorDetails {
  readonly option?: string | undefined;
  readonly hint: string;
}

/** Words that cannot be read or written. Match on `code`, never on the message. */
export class FormatError extends Error {
  readonly code: FormatErrorCode;
  /** `'lower' | 'upper' | 'work' | 'data'`, an option's name, or a word of the text; absent when none is to blame. */
  readonly option: string | undefined;
  /** What to do about it, in one sentence. */
  readonly hint: string;

  constructor(code: FormatErrorCode, message: string, details: FormatErrorDetails) {
    super(message);
    this.name = 'FormatError';
    this.code = code;
    this.option = details.option;
    this.hint = details.hint;
  }
}
