// packLayer(): a layer in a directory, or what a stack's upper changes, becomes an archive in the canonical form.
import { createHash } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { isDate } from 'node:util/types';
import { createGzip } from 'node:zlib';
import { FLAG, hasFields, readOptions, wrongType } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import type { Digest } from '../format/oci/digest.ts';
import { type Compression, MEDIA_TYPES } from '../format/oci/media-type.ts';
import { END_OF_ARCHIVE, formatEntry, paddingBytes } from '../format/tar/writer.ts';
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_RDONLY } from '../kernel/constants.ts';
import { reach } from '../kernel/reach.ts';
import { runAsync } from '../kernel/routine.ts';
import { dialectFor } from '../layer/caller-dialect.ts';
import type { Change } from '../layer/change.ts';
import { type ChangesSource, sourceOf } from '../layer/changes-source.ts';
import { readPath } from '../layer/given-path.ts';
import type { Stack } from '../layer/stack.ts';
import type { Findings } from '../layer/walk.ts';
import { explained, failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';
import { DirectoryLayer, type Packable } from './pack-directory.ts';
import type { PackRules } from './pack-entry.ts';
import { stackEntries } from './pack-stack.ts';
import { zstdCompressor } from './zstd.ts';

export interface PackOptions {
  /** Default: `'gzip'`. */
  readonly compress?: Compression;
  /** Nothing in the layer is younger: for equal digests of what was built at other times. */
  readonly clampTime?: Date;
  /** Which attributes of a directory are the overlay's. Default: as in unpackLayer. */
  readonly xattrs?: 'trusted' | 'user';
  /** The layer was unpacked with `rootless`: this user's files are root's. Default: false. */
  readonly rootless?: boolean;
}

export interface Packed {
  /** Of the layer as it is given out. */
  readonly digest: Digest;
  /** Of the layer without its compression. */
  readonly diffId: Digest;
  /** Bytes as it is given out. */
  readonly size: number;
}

/** The bytes; `result` is known when they have been read. */
export type PackedLayer = Readable & { readonly result: Promise<Packed>; readonly mediaType: string };

const CHECKS = {
  compress: ['none', 'gzip', 'zstd'],
  clampTime: {
    expected: 'a valid Date',
    passes: (value: unknown) => isDate(value) && !Number.isNaN(value.getTime()),
  },
  xattrs: ['trusted', 'user'],
  rootless: FLAG,
} as const;

const isStack = (from: unknown): from is Stack => hasFields(from, 'changes', 'lookup');

async function* ofDirectory(
  path: PathLike,
  rules: PackRules,
  options: PackOptions,
): AsyncGenerator<Packable> {
  const { bytes, shown } = readPath(path);
  const { xattrs, rootless } = options;
  const userxattr = xattrs === undefined ? (rootless ? true : undefined) : xattrs === 'user';
  let root: number | undefined;
  try {
    root = await runAsync(
      reach(AT_FDCWD, bytes, 0, (dir, rest) => call('openat', dir, rest, O_RDONLY | O_DIRECTORY, 0)),
    );
    yield* new DirectoryLayer(root, await runAsync(dialectFor(userxattr)), rules).entries();
  } catch (error) {
    throw explained(error, shown);
  } finally {
    if (root !== undefined) close(root);
  }
}

async function* ofChanges({ open }: ChangesSource, rules: PackRules): AsyncGenerator<Packable> {
  await using stack = await open();
  yield* stackEntries(stack as Stack, rules);
}

/** How what is to be packed is read. @throws {OverlayError} for what is nothing of that kind */
function packables(from: unknown, options: PackOptions): (rules: PackRules) => AsyncGenerator<Packable> {
  const source = sourceOf(from);
  if (source !== undefined) return (rules) => ofChanges(source, rules);
  if (isStack(from)) return (rules) => stackEntries(from, rules);
  if (hasFields(from, Symbol.asyncIterator) || Array.isArray(from))
    return wrongType(
      'from',
      'a path, a stack, or what changes() of a stack, an overlay or a store gives',
      from,
    );
  readPath(from, 'from');
  return (rules) => ofDirectory(from as PathLike, rules, options);
}

async function* archived(entries: AsyncIterable<Packable>): AsyncGenerator<Buffer> {
  for await (const { entry, content } of entries) {
    yield formatEntry(entry);
    let length = 0;
    if (content !== undefined && entry.size > 0)
      for await (const bytes of content()) {
        length += bytes.length;
        if (length > entry.size) break;
        yield bytes;
      }
    if (length !== entry.size)
      throw failure(
        'ERR_OVERLAY_LAYER_CHANGED',
        `${JSON.stringify(entry.name.toString())} changed its size while it was read`,
        'pack a layer that nobody writes to: unmount it, or take a snapshot of it first',
      );
    yield paddingBytes(entry.size);
  }
  yield END_OF_ARCHIVE;
}

const COMPRESSORS: Readonly<Record<Compression, () => Transform | undefined>> = {
  none: () => undefined,
  gzip: () => createGzip({ chunkSize: PIECE }),
  zstd: zstdCompressor,
};

async function* compressed(bytes: AsyncIterable<Buffer>, by: Transform | undefined): AsyncGenerator<Buffer> {
  if (by === undefined) return yield* bytes;
  const fed = pipeline(Readable.from(bytes, { objectMode: true }), by);
  // Looked at below; the loop throws the same.
  fed.catch(() => {});
  try {
    yield* by as AsyncIterable<Buffer>;
    await fed;
  } finally {
    by.destroy();
  }
}

/**
 * Packs a layer. The archive is canonical: names in order, each byte as Go's archive/tar writes it, deletions as OCI has
 * them, whatever their form on the disk. So unpacking and packing a canonical layer gives its diff ID again.
 *
 * @param from a directory with a layer in it; a stack: what its upper changes, and of one without an upper all that it
 *   shows, and it stays open; or what `changes()` of a store, of an overlay or of a stack gives: they are looked for anew
 * @throws {OverlayError} for wrong options; the stream fails with ERR_OVERLAY_LAYER_PARTIAL for a directory that needs the
 *   layers below, ERR_OVERLAY_LAYER_CHANGED, ERR_OVERLAY_TAR_VALUE, ERR_OVERLAY_LAYER_NAME, ERR_OVERLAY_NO_ACCESS
 */
export function packLayer(from: Stack | Findings<Change> | PathLike, given?: PackOptions): PackedLayer {
  const options = readOptions<PackOptions>(given, CHECKS);
  const entriesOf = packables(from, options);
  const { compress = 'gzip', clampTime, rootless = sourceOf(from)?.rootless ?? false } = options;
  const by = COMPRESSORS[compress]();
  const rules: PackRules = {
    rootless,
    clampTime: clampTime === undefined ? undefined : BigInt(clampTime.getTime()) * 1_000_000n,
  };
  const { promise, resolve, reject } = deferred<Packed>();
  const make = async function* (): AsyncGenerator<Buffer> {
    const [inner, outer] = [createHash('sha256'), createHash('sha256')];
    let size = 0;
    const counted = async function* (): AsyncGenerator<Buffer> {
      for await (const bytes of archived(entriesOf(rules))) {
        inner.update(bytes);
        yield bytes;
      }
    };
    try {
      for await (const bytes of compressed(counted(), by)) {
        outer.update(bytes);
        size += bytes.length;
        yield bytes;
      }
    } catch (error) {
      const told = explained(error, 'the layer');
      reject(told);
      throw told;
    }
    resolve({ digest: `sha256:${outer.digest('hex')}`, diffId: `sha256:${inner.digest('hex')}`, size });
  };
  const stream = Readable.from(make(), { objectMode: false });
  stream.once('close', () =>
    reject(failure('ERR_OVERLAY_LAYER_UNREAD', 'the layer was not read to its end', 'read the whole stream')),
  );
  return Object.assign(stream, { result: promise, mediaType: MEDIA_TYPES.layer[compress] });
}

function deferred<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Who only reads the stream hears of it there.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
