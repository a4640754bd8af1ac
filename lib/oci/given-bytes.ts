// The bytes of a layer as they were given: a file, or a stream of the caller's.
import { type FileHandle, open } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { hasFields } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { shown } from '../format/overlay-error.ts';
import { EISDIR } from '../kernel/errno.ts';
import { readPath } from '../layer/given-path.ts';
import { explainedFile, failure, isErrno, quoted } from './failure.ts';

// One read of a file: large enough that a job for it costs nothing beside it.
export const PIECE: number = 512 * 1024;

export function isStream(source: unknown): source is Readable {
  return hasFields(source, Symbol.asyncIterator);
}

/** What an open file holds, from where it stands; the file is closed at the end. */
export async function* pieces(file: FileHandle): AsyncGenerator<Buffer, void> {
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafeSlow(PIECE);
      const { bytesRead } = await file.read(buffer, 0, PIECE, null);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function* ofFile(path: Buffer): AsyncGenerator<Buffer, void> {
  const file = await open(path).catch((error) => {
    throw explainedFile(error, shown(path), 'the layer');
  });
  try {
    yield* pieces(file);
  } catch (error) {
    if (!isErrno(error, EISDIR)) throw error;
    const sentence = `${quoted(path)} is a directory, and a layer is a file`;
    const hint = 'name the archive, or read an image layout with openImage()';
    throw failure('ERR_OVERLAY_NOT_FILE', sentence, hint, {
      option: 'source',
      path: shown(path),
      cause: error,
    });
  }
}

async function* ofStream(stream: Readable): AsyncGenerator<Buffer, void> {
  for await (const chunk of stream) {
    if (chunk instanceof Uint8Array) yield Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    else {
      const sentence = `the stream gives ${typeof chunk}s, and a layer is bytes`;
      const hint = 'pass a stream without encoding and object mode';
      throw failure('ERR_OVERLAY_INVALID_TYPE', sentence, hint, { option: 'source' });
    }
  }
}

/** Refuses what is neither a stream nor a path. @throws {OverlayError} those of wrong arguments */
export function checkSource(source: unknown): void {
  if (!isStream(source)) readPath(source, 'source');
}

/**
 * The bytes, chunk by chunk; a stream is destroyed when not read to its end.
 *
 * @throws {OverlayError} for what is neither, at once; for a file that cannot be read, when it is iterated
 */
export function givenBytes(source: Readable | PathLike): AsyncGenerator<Buffer, void> {
  return isStream(source) ? ofStream(source) : ofFile(readPath(source, 'source').bytes);
}
