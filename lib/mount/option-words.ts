// mount(8)'s -o text to the parts of a mount spec, and back.
import { explainFormatError } from '../diagnosis/format-failure.ts';
import { FormatError } from '../format/format-error.ts';
import { type FormattableSpec, formatOptions as format } from '../format/format-options.ts';
import { copyOf, wrongType } from '../format/given.ts';
import { type ParsedOptions, parseOptions as parse } from '../format/parse-options.ts';

function explaining<T>(attempt: () => T): T {
  try {
    return attempt();
  } catch (error) {
    throw error instanceof FormatError ? explainFormatError(error) : error;
  }
}

/**
 * Reads mount(8)'s `-o` text, escapes understood: `lowerdir=/a:/b,upperdir=/u,workdir=/w,nosuid`.
 *
 * Paths come back as strings where they are UTF-8, as Buffers where they are not. Words that are no matter of the mount
 * (`defaults`, `noauto`, `x-…`) are in `ignored`. Source: mount(8), Documentation/filesystems/overlayfs.rst.
 *
 * @throws {OverlayError} ERR_OVERLAY_OPTION_TEXT when the text cannot be read or would not mean what it says
 */
export function parseOptions(text: string | Uint8Array): ParsedOptions {
  if (typeof text !== 'string' && !(text instanceof Uint8Array))
    wrongType('text', 'a string or a Buffer', text);
  return explaining(() => parse(text));
}

/**
 * The inverse of {@link parseOptions}: what to write behind `mount -o`, as bytes.
 *
 * @throws {OverlayError} ERR_OVERLAY_OPTION_VALUE for what has no form as text, such as a descriptor
 */
export function formatOptions(spec: FormattableSpec): Buffer {
  if (typeof spec !== 'object' || spec === null || Array.isArray(spec)) wrongType('spec', 'an object', spec);
  return explaining(() => format(copyOf(spec, 'spec') as FormattableSpec));
}
