// The entries of a directory with what statx(2) and their extended attributes say, a batch at a time.
import { addon } from './addon.ts';
import { call, close } from './call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from './constants.ts';
import { EMSGSIZE } from './errno.ts';
import { KernelError, printCall } from './kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';
import { type Batch, decodeBatch, type ScannedEntry } from './scanned-entry.ts';

export type { EntryStat, ReadEntry, ScanFailure, ScannedEntry, UnreadEntry } from './scanned-entry.ts';

/** What is wanted of each entry. */
export interface ScanRequest {
  /** Attributes whose names begin with one of these are read: `['trusted.overlay.']`; `['']` means all, `[]` none. */
  readonly xattrs: readonly string[];
}

// In words of 64 bits: 128 kB, some 650 entries, which take a millisecond to decode, and ten where code is not warm yet.
export const ROOM = 16384;
// Most directories are small: the first batch comes with the open, and what it may take is allocated for it.
const FIRST_ROOM = 2048;

const FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

/** The wanted prefixes as the addon takes them. */
export function prefixBytes({ xattrs }: ScanRequest): Buffer {
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

  /** Whether it is known that there are no more. */
  get ended(): boolean {
    return this.#ended;
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

function failedOpen(errno: number, dir: number, path: Uint8Array, resolve: number): KernelError {
  const call = printCall('openat2', addon.calls.openat2!, [dir, path, FLAGS, 0, resolve]);
  return new KernelError({ errno, syscall: 'openat2', call, log: '', step: 0 });
}

function* openAll(
  dir: number,
  paths: readonly Uint8Array[],
  resolve: number,
  prefixes: Buffer,
): Routine<(DirectoryScan | KernelError)[]> {
  const program = new Program();
  const steps = paths.map((path) => {
    const opened = program.add('openat2', KEEP | MAY_FAIL, dir, path, FLAGS, 0, resolve);
    // Where this fails, the next scan fails again, and is told of then.
    const scanned = program.add('scan_directory', WANT | MAY_FAIL, opened, prefixes, FIRST_ROOM);
    return { opened, scanned };
  });
  yield* program.run();
  return steps.map(({ opened, scanned }, i) => {
    const fd = program.value(opened);
    if (fd < 0) return failedOpen(-fd, dir, paths[i]!, resolve);
    const bytes = program.bytes(scanned);
    return new DirectoryScan(fd, prefixes, bytes && decodeBatch(bytes));
  });
}

/**
 * Opens directories and reads their first entries, all in one job, since a job costs more than reading a small directory.
 * `resolve` confines the way to them, as openat2(2) says; a link at the end of a path is not followed.
 *
 * @returns for each path a scan to close, or why it could not be opened
 */
export function* openScans(
  dir: number,
  paths: readonly Uint8Array[],
  resolve: number,
  request: ScanRequest,
): Routine<(DirectoryScan | KernelError)[]> {
  const prefixes = prefixBytes(request);
  try {
    return yield* openAll(dir, paths, resolve, prefixes);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -EMSGSIZE) throw error;
  }
  // The first entry of one of them is larger than all the room for first ones.
  const scans: (DirectoryScan | KernelError)[] = [];
  for (const path of paths) {
    try {
      scans.push(new DirectoryScan(yield* call('openat2', dir, path, FLAGS, 0, resolve), prefixes));
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      scans.push(error);
    }
  }
  return scans;
}

/**
 * The same for one directory.
 *
 * @throws {KernelError} of openat2(2)
 */
export function* openScan(
  dir: number,
  path: string | Uint8Array,
  resolve: number,
  request: ScanRequest,
): Routine<DirectoryScan> {
  const [scan] = yield* openScans(dir, [Buffer.from(path as string)], resolve, request);
  if (scan instanceof KernelError) throw scan;
  return scan!;
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
  const names = Buffer.concat([Buffer.from(name as string), Buffer.alloc(1)]);
  return decodeBatch(yield* call('scan_entries', dir, names, prefixBytes(request), 1)).entries[0]!;
}
