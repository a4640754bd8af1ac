// A layer's bytes without their compression, which their first bytes tell: media types lie.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Compression } from '../format/oci/media-type.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';
import { zstdDecompressed } from './zstd.ts';

type Bytes = AsyncIterable<Buffer>;

interface Magic {
  readonly name: Compression | 'bzip2' | 'xz' | 'lz4';
  readonly bytes: readonly number[];
}

const MAGICS: readonly Magic[] = [
  { name: 'gzip', bytes: [0x1f, 0x8b] },
  { name: 'zstd', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { name: 'bzip2', bytes: [0x42, 0x5a, 0x68] },
  { name: 'xz', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'lz4', bytes: [0x04, 0x22, 0x4d, 0x18] },
];
const LONGEST = 6;
// zstd's frames to be skipped may stand first; pzstd and estargz's zstd:chunked write such.
const SKIPPABLE = { first: 0x50, rest: [0x2a, 0x4d, 0x18] };

function compressionOf(start: Buffer): Magic['name'] {
  const { first, rest } = SKIPPABLE;
  if ((start[0]! & 0xf0) === first && rest.every((byte, i) => start[i + 1] === byte)) return 'zstd';
  return MAGICS.find(({ bytes }) => bytes.every((byte, i) => start[i] === byte))?.name ?? 'none';
}

async function* joined(before: readonly Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer, void> {
  try {
    yield* before;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  } finally {
    await rest.return?.();
  }
}

const HINT = 'fetch or make the layer again';

/** What a decompressor says, in our words. */
export function brokenCompression(error: unknown, name: Compression): unknown {
  if (error instanceof OverlayError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (!code?.startsWith('Z_') && !code?.startsWith('ZSTD_')) return error;
  const ends = code === 'Z_BUF_ERROR';
  const sentence = ends
    ? `the ${name} data of the layer ends too early`
    : `the ${name} data of the layer is broken: ${message}`;
  return failure('ERR_OVERLAY_LAYER_COMPRESSION', sentence, HINT, { cause: error });
}

async function* gunzipped(bytes: Bytes): AsyncGenerator<Buffer, void> {
  const gunzip = createGunzip({ chunkSize: PIECE });
  const fed = pipeline(Readable.from(bytes, { objectMode: true, highWaterMark: 2 }), gunzip);
  // Looked at below; the loop throws the same.
  fed.catch(() => {});
  try {
    yield* gunzip as AsyncIterable<Buffer>;
    await fed;
  } catch (error) {
    throw brokenCompression(error, 'gzip');
  } finally {
    gunzip.destroy();
  }
}

/**
 * @throws {OverlayError} ERR_OVERLAY_LAYER_COMPRESSION for broken or truncated data, and for a compression of no layer
 */
export async function* decompressed(bytes: Bytes): AsyncGenerator<Buffer, void> {
  const iterator = bytes[Symbol.asyncIterator]();
  const before: Buffer[] = [];
  let length = 0;
  while (length < LONGEST) {
    const next = await iterator.next();
    if (next.done) break;
    before.push(next.value);
    length += next.value.length;
  }
  const name = compressionOf(before.length === 1 ? before[0]! : Buffer.concat(before));
  const all = joined(before, iterator);
  switch (name) {
    case 'none':
      return yield* all;
    case 'gzip':
      return yield* gunzipped(all);
    case 'zstd':
      return yield* zstdDecompressed(all);
    default:
      await all.return();
      await iterator.return?.();
      throw failure(
        'ERR_OVERLAY_LAYER_COMPRESSION',
        `the layer is compressed by ${name}, which layers of images are not`,
        'compress it by gzip or zstd, or not at all',
      );
  }
}
