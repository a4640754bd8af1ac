// A stretch of a file that holds some content of an image: read as a stream, and checked on the way.
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { parseDigest } from '../format/oci/digest.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { explained, explainedFile, failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';

/** Where bytes are: a whole file, or a part of one that is kept open. */
export interface Place {
  /** For messages. */
  readonly path: string;
  readonly bytes: Buffer;
  /** Of what an archive holds. */
  readonly part?: { readonly file: FileHandle; readonly offset: number; readonly size: number };
}

/** Documents are read into memory, and stand for little. */
const LARGEST_DOCUMENT = 4 * 1024 * 1024;

async function* bytesAt({ bytes: path, part }: Place): AsyncGenerator<Buffer, void> {
  const file = part?.file ?? (await open(path));
  try {
    let at = part?.offset ?? 0;
    const end = part === undefined ? Number.POSITIVE_INFINITY : at + part.size;
    while (at < end) {
      const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE, end - at));
      const { bytesRead } = await file.read(buffer, 0, buffer.length, at);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    if (part === undefined) await file.close();
  }
}

export async function sizeAt({ path, bytes, part }: Place, what: string): Promise<number> {
  if (part !== undefined) return part.size;
  try {
    const file = await open(bytes);
    try {
      return (await file.stat()).size;
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainedFile(error, path, what);
  }
}

/** What a blob has to be. */
export interface Expected {
  readonly digest: string;
  readonly size: number;
}

function mismatch(what: string, path: string, problem: string) {
  const hint = 'fetch the image again: it is damaged, or not what it says to be';
  return failure('ERR_OVERLAY_DIGEST_MISMATCH', `${what} ${problem}`, hint, { path });
}

async function* checked(
  place: Place,
  what: string,
  { digest, size }: Expected,
): AsyncGenerator<Buffer, void> {
  const { algorithm, hex } = parseDigest(digest);
  const hash = createHash(algorithm);
  let length = 0;
  try {
    for await (const bytes of bytesAt(place)) {
      length += bytes.length;
      if (length > size)
        throw mismatch(what, place.path, `has more than the ${size} bytes that the image says`);
      hash.update(bytes);
      yield bytes;
    }
  } catch (error) {
    throw explainedFile(error, place.path, what);
  }
  if (length < size)
    throw mismatch(what, place.path, `has ${length} bytes, and the image says that it has ${size}`);
  const found = hash.digest('hex');
  if (found !== hex)
    throw mismatch(what, place.path, `has the digest ${algorithm}:${found}, and should have ${digest}`);
}

/** What checks a whole blob, by the streams of it. */
const checks = new WeakMap<Readable, () => AsyncIterable<Buffer>>();

/** The bytes; the stream fails at its end when they are not what they have to be. */
export function openBlob(place: Place, what: string, expected: Expected): Readable {
  const check = () => checked(place, what, expected);
  const stream = Readable.from(check(), { objectMode: false });
  checks.set(stream, check);
  return stream;
}

/** Why what is in a blob makes no sense, if that is because it is not what it has to be: all of it is read once more. */
export async function damageOf(source: unknown): Promise<OverlayError | undefined> {
  try {
    for await (const _ of checks.get(source as Readable)?.() ?? []);
    return undefined;
  } catch (error) {
    return error instanceof OverlayError ? error : undefined;
  }
}

/** A document, checked against its descriptor if there is one. */
export async function readDocument(place: Place, what: string, expected?: Expected): Promise<Buffer> {
  const size = expected?.size ?? (await sizeAt(place, what));
  if (size > LARGEST_DOCUMENT)
    throw failure(
      'ERR_OVERLAY_IMAGE_DOCUMENT',
      `${what} has ${size} bytes, more than any such document`,
      'fetch or make the image again',
      { path: place.path },
    );
  const chunks: Buffer[] = [];
  try {
    const bytes = expected === undefined ? bytesAt(place) : checked(place, what, expected);
    for await (const chunk of bytes) chunks.push(chunk);
  } catch (error) {
    throw explained(error, place.path);
  }
  return Buffer.concat(chunks);
}

/** The first bytes. */
export async function startOf(place: Place, count: number): Promise<Buffer> {
  for await (const bytes of bytesAt(place)) return bytes.subarray(0, count);
  return Buffer.alloc(0);
}

/** The digest of content that nobody has told the digest of. */
export async function digestAt(place: Place): Promise<Expected> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const bytes of bytesAt(place)) {
    hash.update(bytes);
    size += bytes.length;
  }
  return { digest: `sha256:${hash.digest('hex')}`, size };
}
