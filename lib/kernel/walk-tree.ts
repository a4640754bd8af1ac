// Walks a tree of directories: each one's entries in bounded batches, the next directories opened in the meantime.
import { KernelError } from './kernel-error.ts';
import { reach } from './reach.ts';
import { type Routine, runAsync } from './routine.ts';
import {
  type DirectoryScan,
  openScan,
  openScans,
  type ScannedEntry,
  type ScanRequest,
} from './scan-directory.ts';

/** Some entries of a directory. */
export interface WalkedBatch {
  /** From the root, one character a byte; empty for the root. */
  readonly place: string;
  /** The directory, open until the next batch is asked for. */
  readonly fd: number;
  readonly entries: readonly ScannedEntry[];
  /** No more of this directory. */
  readonly last: boolean;
  readonly error: undefined;
}

/** A directory that could not be opened, or not be read to its end. */
export interface UnwalkedDirectory {
  readonly place: string;
  readonly error: KernelError;
}

export interface WalkRequest extends ScanRequest {
  /** As openat2(2) has it; RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS are wanted wherever others can write. */
  readonly resolve: number;
  readonly signal?: AbortSignal | undefined;
}

// So many directories are opened in one job, while those of the job before are looked at.
const AT_ONCE = 8;
// What fits into one path for the kernel, and is opened in a job with others.
const SHORT = 2048;

/** The place of a name in a directory. */
export function placeIn(place: string, name: Buffer): string {
  const text = name.toString('latin1');
  return place === '' ? text : `${place}/${text}`;
}

interface Opened {
  readonly place: string;
  readonly scan: DirectoryScan | KernelError;
}

function pathOf(place: string): Buffer {
  return Buffer.from(place === '' ? '.' : place, 'latin1');
}

function asResult(error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  throw error;
}

function* openDeep(root: number, place: string, { resolve, xattrs }: WalkRequest): Routine<Opened> {
  try {
    const scan = yield* reach(root, pathOf(place), resolve, (dir, rest) =>
      openScan(dir, rest, resolve, { xattrs }),
    );
    return { place, scan };
  } catch (error) {
    return { place, scan: asResult(error) };
  }
}

function* openPlaces(root: number, places: readonly string[], request: WalkRequest): Routine<Opened[]> {
  const short = places.filter((place) => place.length <= SHORT);
  const scans = yield* openScans(root, short.map(pathOf), request.resolve, request);
  const opened: Opened[] = short.map((place, i) => ({ place, scan: scans[i]! }));
  for (const place of places) if (place.length > SHORT) opened.push(yield* openDeep(root, place, request));
  return opened;
}

// The next batch is read while the one before is looked at.
async function* batchesOf(
  place: string,
  scan: DirectoryScan,
): AsyncGenerator<WalkedBatch | UnwalkedDirectory, void> {
  const read = () => runAsync(scan.next()).catch(asResult);
  let coming: Promise<ScannedEntry[] | KernelError> | undefined = read();
  try {
    while (coming !== undefined) {
      const entries: ScannedEntry[] | KernelError = await coming;
      if (entries instanceof KernelError) return yield { place, error: entries };
      const last = scan.ended;
      coming = last ? undefined : read();
      yield { place, fd: scan.fd, entries, last, error: undefined };
    }
  } finally {
    // It uses the descriptor.
    await coming;
  }
}

function closeAll(opened: readonly Opened[]): void {
  for (const { scan } of opened) if (!(scan instanceof KernelError)) scan.close();
}

/**
 * The root's entries, then those of the directories in it, each directory's all before the next one's, and a directory
 * after the batch that has its name. One that cannot be read is told of, and the walk goes on. Some sixteen directories
 * are open at a time, however deep the tree is.
 *
 * @param root a descriptor of the tree's root, which the caller keeps open
 * @throws what the signal was aborted with
 */
export async function* walkTree(
  root: number,
  request: WalkRequest,
): AsyncGenerator<WalkedBatch | UnwalkedDirectory, void> {
  const pending: string[] = [''];
  let ready: Opened[] = [];
  let coming: Promise<Opened[]> | undefined;
  const open = (): void => {
    if (coming !== undefined || pending.length === 0) return;
    coming = runAsync(openPlaces(root, pending.splice(-AT_ONCE), request));
    // Looked at in its turn, which may be later than its failure.
    coming.catch(() => {});
  };
  try {
    for (open(); ready.length > 0 || coming !== undefined; open()) {
      if (ready.length === 0) {
        ready = await coming!;
        coming = undefined;
      }
      const { place, scan } = ready[0]!;
      if (scan instanceof KernelError) yield { place, error: scan };
      else
        for await (const batch of batchesOf(place, scan)) {
          request.signal?.throwIfAborted();
          if (batch.error === undefined)
            for (const { name, stat } of batch.entries)
              if (stat?.isDirectory) pending.push(placeIn(place, name));
          open();
          yield batch;
        }
      closeAll(ready.splice(0, 1));
    }
  } finally {
    closeAll(ready);
    if (coming !== undefined) closeAll(await coming);
  }
}
