// The typed problems of archives: what is wrong, and at which byte of the archive.
import { FormatError, type TarErrorCode } from '../format-error.ts';

const HINTS: Readonly<Record<TarErrorCode, string>> = {
  ERR_OVERLAY_TAR_TRUNCATED: 'fetch or make the archive again: its end is missing',
  ERR_OVERLAY_TAR_CORRUPT: 'check that it is an uncompressed tar archive, and fetch or make it again',
  ERR_OVERLAY_TAR_UNSUPPORTED: 'make the archive in pax form, as `tar --format=pax` does',
  ERR_OVERLAY_TAR_LIMIT: 'raise the limit if the archive comes from somebody you trust',
  ERR_OVERLAY_TAR_VALUE: 'leave the entry out, or change what cannot be said',
};

/** A problem at byte `at` of the archive, before any decompression is undone. */
export function tarProblem(code: TarErrorCode, at: number, problem: string): FormatError {
  return new FormatError(code, `the tar archive at byte ${at}: ${problem}`, { hint: HINTS[code] });
}

/** A problem of an entry that is to be written. */
export function unwritable(name: Uint8Array, problem: string): FormatError {
  const shown = JSON.stringify(Buffer.from(name).toString());
  return new FormatError('ERR_OVERLAY_TAR_VALUE', `no tar entry can say this of ${shown}: ${problem}`, {
    hint: HINTS.ERR_OVERLAY_TAR_VALUE,
  });
}
