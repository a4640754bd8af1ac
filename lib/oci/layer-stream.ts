// Reads a layer from its first byte to its last: decompresses, hashes, counts, and hands out what the archive says.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { PathLike } from '../format/mount-spec.ts';
import type { Digest } from '../format/oci/digest.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { type TarEvent, TarReader } from '../format/tar/reader.ts';
import { damageOf } from './blob.ts';
import { decompressed } from './decompress.ts';
import { explained, failure } from './failure.ts';
import { givenBytes } from './given-bytes.ts';
import type { Limits } from './limits.ts';

export interface LayerReading {
  /** Bytes as given, so far. */
  read: number;
  /** Bytes without the compression, so far. */
  unpacked: number;
  /** Of the layer without its compression; once all is read. */
  diffId: Digest | undefined;
}

/** What takes the events; `endEntry` comes between an entry with its content and the next one. */
export interface LayerTaker {
  take(event: TarEvent): Promise<void> | void;
  endEntry(): Promise<void> | void;
}

// What damaged bytes look like to who reads them.
const DAMAGE = /^ERR_OVERLAY_(?:TAR_(?:CORRUPT|TRUNCATED|UNSUPPORTED|LIMIT)|LAYER_(?:COMPRESSION|NAME))$/;

/** A layer that makes no sense: an image that has its digest knows whether it is damaged, which is told first. */
async function cause(error: unknown, source: unknown): Promise<unknown> {
  const known = explained(error, 'the layer');
  if (!(known instanceof OverlayError) || !DAMAGE.test(known.code)) return error;
  const damage = await damageOf(source);
  return damage === undefined ? error : new OverlayError([damage.findings[0]!, ...known.findings], error);
}

/**
 * @throws {FormatError} `those of archives` @throws {OverlayError} ERR_OVERLAY_LAYER_COMPRESSION, ERR_OVERLAY_LAYER_LIMIT,
 *   ERR_OVERLAY_DIGEST_MISMATCH of what is damaged
 */
export async function readLayer(
  source: Readable | PathLike,
  reading: LayerReading,
  limits: Limits,
  taker: LayerTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await readWhole(source, reading, limits, taker, signal);
  } catch (error) {
    throw await cause(error, source);
  }
}

async function readWhole(
  source: Readable | PathLike,
  reading: LayerReading,
  limits: Limits,
  taker: LayerTaker,
  signal: AbortSignal | undefined,
): Promise<void> {
  const counted = async function* (): AsyncGenerator<Buffer, void> {
    for await (const bytes of givenBytes(source)) {
      reading.read += bytes.length;
      yield bytes;
    }
  };
  const hash = createHash('sha256');
  const reader = new TarReader();
  let open = false;
  const hand = async (events: Iterable<TarEvent>): Promise<void> => {
    for (const event of events) {
      if (event.kind === 'entry' && open) await taker.endEntry();
      open = true;
      await taker.take(event);
    }
  };
  for await (const bytes of decompressed(counted())) {
    signal?.throwIfAborted();
    hash.update(bytes);
    reading.unpacked += bytes.length;
    limits.ratio(reading.read, reading.unpacked);
    await hand(reader.push(bytes));
  }
  await hand(reader.end());
  if (open) await taker.endEntry();
  signal?.throwIfAborted();
  reading.diffId = `sha256:${hash.digest('hex')}`;
}

/** The digest without the compression has to be the expected one. @throws {OverlayError} ERR_OVERLAY_DIGEST_MISMATCH */
export function requireDiffId({ diffId }: LayerReading, expected: string): void {
  if (diffId === expected) return;
  throw failure(
    'ERR_OVERLAY_DIGEST_MISMATCH',
    `the layer without its compression has the digest ${diffId}, and should have ${expected}`,
    'fetch the image again: it is damaged, or not what it says to be',
  );
}
