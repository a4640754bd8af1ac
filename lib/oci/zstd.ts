// zstd without its compression: by node:zlib where it has it (Node 22.15), else by fzstd, which is loaded only then.
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as zlib from 'node:zlib';
import { failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';

interface ZlibWithZstd {
  readonly createZstdDecompress?: (options: {
    chunkSize: number;
    params: Record<number, number>;
  }) => Transform;
  readonly createZstdCompress?: (options: { chunkSize: number }) => Transform;
}

const { createZstdDecompress, createZstdCompress } = zlib as ZlibWithZstd;

// ZSTD_d_windowLogMax: windows of up to 2 GiB, as `zstd --long=31` writes them. Memory is taken only as the data has it.
const WINDOW_LOG_MAX = 100;

const HINT = 'fetch or make the layer again';

function broken(error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof Error && 'findings' in error) return error;
  // Node's codes are text, those of fzstd numbers.
  if (typeof code !== 'number' && !code?.startsWith('Z')) return error;
  return failure(
    'ERR_OVERLAY_LAYER_COMPRESSION',
    `the zstd data of the layer is broken or ends too early: ${(error as Error).message}`,
    HINT,
    { cause: error },
  );
}

async function* byNode(bytes: AsyncIterable<Buffer>, make: NonNullable<typeof createZstdDecompress>) {
  const stream = make({ chunkSize: PIECE, params: { [WINDOW_LOG_MAX]: 31 } });
  const fed = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 2 }), stream);
  // Looked at below; the loop throws the same.
  fed.catch(() => {});
  try {
    yield* stream as AsyncIterable<Buffer>;
    await fed;
  } finally {
    stream.destroy();
  }
}

async function* byLibrary(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  const { Decompress } = await import('fzstd');
  let made: Buffer[] = [];
  const decompress = new Decompress((chunk) => {
    // What it gives lies in its window, which moves on.
    if (chunk.length > 0) made.push(Buffer.copyBytesFrom(chunk));
  });
  const taken = function* () {
    const out = made;
    made = [];
    yield* out;
  };
  for await (const chunk of bytes) {
    // In pieces, since all that a push gives is in memory at once.
    for (let at = 0; at < chunk.length; at += 16384) {
      decompress.push(chunk.subarray(at, at + 16384));
      yield* taken();
    }
  }
  decompress.push(new Uint8Array(0), true);
  yield* taken();
}

/** @throws {OverlayError} ERR_OVERLAY_LAYER_COMPRESSION */
export async function* zstdDecompressed(bytes: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* createZstdDecompress === undefined ? byLibrary(bytes) : byNode(bytes, createZstdDecompress);
  } catch (error) {
    throw broken(error);
  }
}

/** @throws {OverlayError} ERR_OVERLAY_NO_ZSTD where this Node cannot compress by zstd */
export function zstdCompressor(): Transform {
  if (createZstdCompress !== undefined) return createZstdCompress({ chunkSize: PIECE });
  throw failure(
    'ERR_OVERLAY_NO_ZSTD',
    `Node ${process.versions.node} can read zstd, and cannot write it`,
    'use Node 22.15 or newer, or compress by gzip',
    { option: 'compress' },
  );
}
