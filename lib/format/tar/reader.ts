// Reads a tar archive that arrives in chunks: entries, and their content with the place it belongs to.
//
// Nothing is kept but one header and what precedes it, so memory is bounded by `limits.extendedHeader`.
import { ByteQueue, type NeedBytes } from './byte-queue.ts';
import type { Extent, TarEntry } from './entry.ts';
import { BLOCK, type Header, isZero, paddingOf, parseHeader, untilNul } from './header.ts';
import { mergeEntry, nameOf, type Prelude, storedSize, typeOf } from './merge-entry.ts';
import { type PaxRecord, parsePaxRecords } from './pax-records.ts';
import { checkExtents, oldExtents, oldRealSize, paxSparse, SparseMapText } from './sparse.ts';
import { tarProblem } from './tar-problem.ts';

export type TarEvent =
  | {
      readonly kind: 'entry';
      readonly entry: TarEntry;
      /** Where its header begins in the archive, in bytes. */
      readonly at: number;
      /** Where what is stored of its content begins. */
      readonly contentAt: number;
    }
  /** Content of the entry before, at `offset` of the file; holes are left out. The bytes are valid until the next push. */
  | { readonly kind: 'data'; readonly offset: number; readonly bytes: Buffer };

export interface TarOptions {
  /** False to leave out content; who can seek then asks for `skippable`. Default: true. */
  readonly content?: boolean;
  /** Bytes of one pax header, long name or sparse map, and of all global headers together. Default: 1 MiB, as in Go. */
  readonly extendedHeader?: number;
}

const DEFAULT_LIMIT = 1 << 20;
const NO_PRELUDE: Prelude = { records: [], longName: undefined, longLink: undefined };
/** What would mean the same for every entry, and nonsense; GNU tar and Go differ in what they make of it. */
const NOT_FOR_ALL = /^(?:path|linkpath|size|GNU\.sparse\..*)$/;

type Steps<T> = Generator<TarEvent | NeedBytes, T>;

/** `push` and `end` throw a FormatError with a `TarErrorCode`; nothing may be pushed then. */
export class TarReader {
  readonly #queue = new ByteQueue();
  readonly #limit: number;
  readonly #wantsContent: boolean;
  readonly #steps: Steps<void>;
  #globals: PaxRecord[] = [];
  #globalBytes = 0;

  constructor(options: TarOptions = {}) {
    this.#limit = options.extendedHeader ?? DEFAULT_LIMIT;
    this.#wantsContent = options.content ?? true;
    this.#steps = this.#archive();
  }

  /** What the chunk brings. It has to be iterated to its end before the next push. */
  *push(chunk: Uint8Array): Generator<TarEvent, void> {
    this.#queue.add(chunk);
    yield* this.#eventsNow();
  }

  /** The archive ends here, with or without blocks that say so. */
  *end(): Generator<TarEvent, void> {
    this.#queue.finish();
    yield* this.#eventsNow();
  }

  /** How many of the next bytes need not be pushed, when `jump` tells that they are not. */
  get skippable(): number {
    return this.#queue.skippable;
  }

  jump(count: number): void {
    this.#queue.jump(count);
  }

  *#eventsNow(): Generator<TarEvent, void> {
    for (let step = this.#steps.next(); !step.done && step.value; step = this.#steps.next()) yield step.value;
  }

  *#archive(): Steps<void> {
    let prelude = NO_PRELUDE;
    for (;;) {
      const at = this.#queue.taken;
      const block = yield* this.#queue.exactly(BLOCK);
      if (isZero(block)) {
        if (prelude !== NO_PRELUDE) throw this.#truncated(at, 'an extended header has no entry behind it');
        return yield* this.#afterZeros();
      }
      if (block.length < BLOCK) throw this.#truncated(at, 'it ends in the middle of a header');
      const header = parseHeader(block, at);
      const next = yield* this.#prelude(header, prelude);
      if (next === undefined) yield* this.#entry(header, prelude, block);
      prelude = next ?? NO_PRELUDE;
    }
  }

  /** Two blocks of zeros end an archive, and so does the end of the bytes; behind it may be anything. */
  *#afterZeros(): Steps<void> {
    const at = this.#queue.taken;
    const second = yield* this.#queue.exactly(BLOCK);
    if (!isZero(second)) {
      throw tarProblem('ERR_OVERLAY_TAR_CORRUPT', at, 'more follows after one block of zeros');
    }
    for (;;) if ((yield* this.#queue.skip(1 << 30)) === 0) return;
  }

  /** What a header of no entry adds; undefined for one of an entry. */
  *#prelude(header: Header, before: Prelude): Steps<Prelude | undefined> {
    switch (header.type) {
      case 'x':
      case 'X':
        return { ...before, records: parsePaxRecords(yield* this.#body(header), header.at + BLOCK) };
      case 'g':
        this.#addGlobals(yield* this.#body(header), header.at + BLOCK);
        return before;
      case 'L':
        return { ...before, longName: untilNul(yield* this.#body(header)) };
      case 'K':
        return { ...before, longLink: untilNul(yield* this.#body(header)) };
      case 'V': // a volume's label
        yield* this.#skip(header, header.size);
        return before;
      default:
        return undefined;
    }
  }

  #addGlobals(body: Buffer, at: number): void {
    this.#globalBytes += body.length;
    if (this.#globalBytes > this.#limit) throw this.#tooLarge(at, this.#globalBytes);
    const records = parsePaxRecords(body, at);
    const nonsense = records.find(({ keyword }) => NOT_FOR_ALL.test(keyword));
    if (nonsense !== undefined) {
      const problem = `a global header gives one ${nonsense.keyword} to all entries`;
      throw tarProblem('ERR_OVERLAY_TAR_UNSUPPORTED', at, problem);
    }
    this.#globals = [...this.#globals, ...records];
  }

  *#entry(header: Header, own: Prelude, block: Buffer): Steps<void> {
    const { at } = header;
    const prelude = { ...own, records: [...this.#globals, ...own.records] };
    const headerName = nameOf(header, prelude);
    const type = typeOf(header, headerName);
    if (type === undefined) {
      const problem = `an entry of the type ${JSON.stringify(header.type)}`;
      throw tarProblem('ERR_OVERLAY_TAR_UNSUPPORTED', at, problem);
    }
    let stored = storedSize(header, prelude);
    if (type !== 'file') {
      yield this.#event(header, mergeEntry(header, prelude, { name: headerName, type, size: 0 }));
      // Other types have no content, whatever their size says; a list of names is not wanted.
      if (header.type === 'D') yield* this.#skip(header, stored);
      return;
    }
    const sparse = header.type === 'S' ? yield* this.#oldSparse(block, at) : paxSparse(own.records, at);
    if (sparse === undefined) {
      yield this.#event(header, mergeEntry(header, prelude, { name: headerName, type, size: stored }));
      return yield* this.#content(header, [{ offset: 0, length: stored }]);
    }
    const mapStart = this.#queue.taken;
    const map = sparse.extents ?? (yield* this.#mapInContent(header, stored));
    const padding = paddingOf(stored);
    if (sparse.extents === undefined) stored -= this.#queue.taken - mapStart;
    const extents = checkExtents({ extents: map, size: sparse.size }, stored, at);
    const content = { name: sparse.name ?? headerName, type, size: sparse.size, extents };
    yield this.#event(header, mergeEntry(header, prelude, content));
    yield* this.#content(header, extents, padding);
  }

  #event({ at }: Header, entry: TarEntry): TarEvent {
    return { kind: 'entry', at, contentAt: this.#queue.taken, entry };
  }

  *#oldSparse(block: Buffer, at: number) {
    const size = oldRealSize(block, at);
    let { extents, more } = oldExtents(block, at, 'header');
    for (let bytes = BLOCK; more; bytes += BLOCK) {
      if (bytes > this.#limit) throw this.#tooLarge(at, bytes);
      const next = yield* this.#queue.exactly(BLOCK);
      if (next.length < BLOCK) throw this.#truncated(at, 'it ends in the map of a sparse file');
      const found = oldExtents(next, at, 'block');
      extents = extents.concat(found.extents);
      more = found.more;
    }
    return { name: undefined, size, extents };
  }

  *#mapInContent({ at }: Header, stored: number): Generator<NeedBytes, readonly Extent[]> {
    const text = new SparseMapText(at);
    for (let bytes = BLOCK; bytes <= stored; bytes += BLOCK) {
      if (bytes > this.#limit) throw this.#tooLarge(at, bytes);
      const block = yield* this.#queue.exactly(BLOCK);
      if (block.length < BLOCK) throw this.#truncated(at, 'it ends in the map of a sparse file');
      const extents = text.add(block);
      if (extents !== undefined) return extents;
    }
    throw tarProblem('ERR_OVERLAY_TAR_CORRUPT', at, 'the map of a sparse file is longer than its content');
  }

  *#content(header: Header, extents: readonly Extent[], padding?: number): Steps<void> {
    const total = extents.reduce((sum, { length }) => sum + length, 0);
    if (!this.#wantsContent) yield* this.#skip(header, total, 0);
    for (const { offset, length } of this.#wantsContent ? extents : []) {
      for (let done = 0; done < length; ) {
        const bytes = yield* this.#queue.some(length - done);
        if (bytes.length === 0) throw this.#truncated(header.at, 'it ends in the content of an entry');
        yield { kind: 'data', offset: offset + done, bytes };
        done += bytes.length;
      }
    }
    // Of padding, anything may be missing at the end.
    yield* this.#queue.skip(padding ?? paddingOf(total));
  }

  *#skip({ at }: Header, size: number, padding: number = paddingOf(size)): Generator<NeedBytes, void> {
    const skipped = yield* this.#queue.skip(size);
    if (skipped < size) throw this.#truncated(at, 'it ends in the content of an entry');
    yield* this.#queue.skip(padding);
  }

  /** The content of a header that tells of the next one. */
  *#body({ at, size }: Header): Generator<NeedBytes, Buffer> {
    if (size > this.#limit) throw this.#tooLarge(at, size);
    const body = yield* this.#queue.exactly(size);
    if (body.length < size) throw this.#truncated(at, 'it ends in an extended header');
    const copy = Buffer.from(body);
    yield* this.#queue.skip(paddingOf(size));
    return copy;
  }

  #truncated(at: number, problem: string) {
    return tarProblem('ERR_OVERLAY_TAR_TRUNCATED', at, problem);
  }

  #tooLarge(at: number, size: number) {
    const problem = `an extended header has ${size} bytes, more than ${this.#limit}`;
    return tarProblem('ERR_OVERLAY_TAR_LIMIT', at, problem);
  }
}
