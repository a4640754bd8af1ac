// Reads a layer from its first byte to its last: decompresses, hashes, counts, and hands out what the archive says.
import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { PathLike } from '../format/mount-spec.ts';
import type { Digest } from '../format/oci/digest.ts';
import { type TarEvent, TarReader } from '../format/tar/reader.ts';
import { decompressed } from './decompress.ts';
import { failure } from './failure.ts';
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

/** @throws {FormatError} `those of archives` @throws {OverlayError} ERR_OVERLAY_LAYER_COMPRESSION, ERR_OVERLAY_LAYER_LIMIT */
export async function readLayer(
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
