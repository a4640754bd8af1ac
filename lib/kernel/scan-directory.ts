// The entries of a directory with what statx(2) and their extended attributes say, a batch at a time.
import { call, close } from './call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from './constants.ts';
import { EMSGSIZE } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';
import { type Batch, decodeBatch, type ScannedEntry } from './scanned-entry.ts';

export type { EntryStat, ReadEntry, ScanFailure, ScannedEntry, UnreadEntry } from './scanned-entry.ts';

/** What is wanted of each entry. */
export interface ScanRequest {
  /** Attributes whose names begin with one of these are read: `['trusted.overlay.']`; `['']` means all, `[]` none. */
  readonly xattrs: readonly string[];
}

// In words of 64 bits. A batch of this much is decoded in about a millisecond.
const ROOM = 32768;
// Most directories are small: the first batch comes with the open, and what it may take is allocated for it.
const FIRST_ROOM = 2048;

const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

function prefixBytes({ xattrs }: ScanRequest): Buffer {
  return Buffer.from(xattrs.map((prefix) => `${prefix}\0`).join(''), 'latin1');
}

/** An open directory that is read from its beginning to its end. Close it. */
export class DirectoryScan {
  /** Open for reading. */
  readonly fd: number;
  readonly #prefixes: Buffer;
  #first: Batch | undefined;
  #ended = false;

  constructor(fd: number, prefixes: Buffer, first?: Batch) {
    this.fd = fd;
    this.#prefixes = prefixes;
    this.#first = first;
  }

  /**
   * The next entries, without `.` and `..`, in the directory's own order; none at its end. Their number is bounded, so
   * that memory stays flat and the event loop gets its turn between them, however large the directory is.
   *
   * @throws {KernelError} of getdents64(2)
   */
  *next(): Routine<ScannedEntry[]> {
    while (!this.#ended) {
      const batch = this.#first ?? decodeBatch(yield* call('scan_directory', this.fd, this.#prefixes, ROOM));
      this.#first = undefined;
      this.#ended = batch.ended;
      if (batch.entries.length > 0) return batch.entries;
    }
    return [];
  }

  close(): void {
    close(this.fd);
  }
}

/**
 * Opens the directory and reads its first entries in one job. `resolve` confines the way to it, as openat2(2) says;
 * a link at the end of the path is not followed.
 *
 * @throws {KernelError} of openat2(2)
 */
export function* openScan(
  dir: number,
  path: string | Uint8Array,
  resolve: number,
  request: ScanRequest,
): Routine<DirectoryScan> {
  const prefixes = prefixBytes(request);
  const program = new Program();
  const opened = program.add('openat2', KEEP, dir, path, FLAGS, 0, resolve);
  // Where this fails, the next scan fails again, and is told of then.
  const scanned = program.add('scan_directory', WANT | MAY_FAIL, opened, prefixes, FIRST_ROOM);
  try {
    yield* program.run();
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -EMSGSIZE) throw error;
    // The first entry is larger than that.
    return new DirectoryScan(yield* call('openat2', dir, path, FLAGS, 0, resolve), prefixes);
  }
  const fd = program.value(opened);
  const bytes = program.bytes(scanned);
  return new DirectoryScan(fd, prefixes, bytes && decodeBatch(bytes));
}

/**
 * One entry of a directory, no link followed; the empty name is the descriptor itself, which may then be of any kind.
 * That it is not there is an entry's error, as in a scan.
 *
 * @param name one path component: what it leads through would not be confined
 */
export function* scanEntry(
  dir: number,
  name: string | Uint8Array,
  request: ScanRequest,
): Routine<ScannedEntry> {
  return decodeBatch(yield* call('scan_entry', dir, name, prefixBytes(request))).entries[0]!;
}
