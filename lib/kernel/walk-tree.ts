// Walks a tree of directories: each one's entries in bounded batches, the next directories opened in the meantime.
import { KernelError } from './kernel-error.ts';
import { reach } from './reach.ts';
import { runAsync } from './routine.ts';
import { type DirectoryScan, openScan, type ScannedEntry, type ScanRequest } from './scan-directory.ts';

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

// How many directories are open at a time: two keep the thread pool busy while entries are looked at.
const AHEAD = 3;

/** The place of a name in a directory. */
export function placeIn(place: string, name: Buffer): string {
  const text = name.toString('latin1');
  return place === '' ? text : `${place}/${text}`;
}

interface Opening {
  readonly place: string;
  readonly scan: Promise<DirectoryScan | KernelError>;
}

function asResult(error: unknown): KernelError {
  if (error instanceof KernelError) return error;
  throw error;
}

function beginOpening(root: number, place: string, { resolve, xattrs }: WalkRequest): Opening {
  const path = Buffer.from(place === '' ? '.' : place, 'latin1');
  const routine = reach(root, path, resolve, (dir, rest) => openScan(dir, rest, resolve, { xattrs }));
  const scan = runAsync(routine).catch(asResult);
  // Looked at in its turn, which may be later than its failure.
  scan.catch(() => {});
  return { place, scan };
}

async function* batchesOf(
  place: string,
  scan: DirectoryScan,
): AsyncGenerator<WalkedBatch | UnwalkedDirectory, void> {
  for (let last = false; !last; ) {
    const entries = await runAsync(scan.next()).catch(asResult);
    if (entries instanceof KernelError) return yield { place, error: entries };
    last = scan.ended;
    yield { place, fd: scan.fd, entries, last, error: undefined };
  }
}

/**
 * The root's entries, then those of the directories in it, each directory's all before the next one's. A directory that
 * cannot be read is told of, and the walk goes on. At most three directories are open at a time, however deep the tree is.
 *
 * @param root a descriptor of the tree's root, which the caller keeps open
 * @throws what the signal was aborted with
 */
export async function* walkTree(
  root: number,
  request: WalkRequest,
): AsyncGenerator<WalkedBatch | UnwalkedDirectory, void> {
  const pending: string[] = [];
  const opening: Opening[] = [beginOpening(root, '', request)];
  try {
    for (let next = opening[0]; next !== undefined; next = opening[0]) {
      const scan = await next.scan;
      if (scan instanceof KernelError) yield { place: next.place, error: scan };
      else
        for await (const batch of batchesOf(next.place, scan)) {
          request.signal?.throwIfAborted();
          if (batch.error === undefined)
            for (const { name, stat } of batch.entries)
              if (stat?.isDirectory) pending.push(placeIn(batch.place, name));
          while (pending.length > 0 && opening.length < AHEAD)
            opening.push(beginOpening(root, pending.pop()!, request));
          yield batch;
        }
      opening.shift();
      if (!(scan instanceof KernelError)) scan.close();
      while (pending.length > 0 && opening.length < AHEAD)
        opening.push(beginOpening(root, pending.pop()!, request));
    }
  } finally {
    for (const { scan } of opening) {
      const opened = await scan;
      if (!(opened instanceof KernelError)) opened.close();
    }
  }
}
