// Whether two files, or two links, have the same content: read in pieces, and no further than the first difference.
import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { call, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';

/** A file by the directory it is in and its name there. */
export interface FileInDirectory {
  readonly dir: number;
  readonly name: Uint8Array;
}

const PIECE = 256 * 1024;
// Files up to this size are opened and read in one job with others.
const SMALL = 16 * 1024;

const readLater = promisify(read);
// O_NONBLOCK: what was a file when it was looked at may be a fifo by now.
const FLAGS = O_RDONLY | O_NOFOLLOW | O_NONBLOCK;

// Buffers of finished comparisons: as many as have been made at a time.
const spare: Buffer[] = [];

function* readPiece(fd: number, buffer: Buffer, at: number): Routine<number> {
  return yield* wait({
    now: () => readSync(fd, buffer, 0, PIECE, at),
    later: async () => (await readLater(fd, buffer, 0, PIECE, at)).bytesRead,
  });
}

/**
 * Whether two open files have the same content from their beginnings on, by two buffers of 256 kB whatever their size.
 *
 * @param onRead gets the bytes that have been read; what it throws ends the comparison
 * @throws of read(2), as node:fs has it
 */
export function* sameBytes(before: number, after: number, onRead: OnRead = () => {}): Routine<boolean> {
  const [a, b] = [spare.pop() ?? Buffer.allocUnsafeSlow(PIECE), spare.pop() ?? Buffer.allocUnsafeSlow(PIECE)];
  try {
    for (let at = 0; ; ) {
      const length = yield* readPiece(before, a, at);
      const other = yield* readPiece(after, b, at);
      onRead(length + other);
      // A read may give less than there is: the next ones begin where the shorter one ended.
      const common = Math.min(length, other);
      if (a.compare(b, 0, common, 0, common) !== 0) return false;
      if (common === 0) return length === other;
      at += common;
    }
  } finally {
    spare.push(a, b);
  }
}

/** Two files of one size. */
export interface FilePair {
  readonly before: FileInDirectory;
  readonly after: FileInDirectory;
  /** As statx(2) has told it. */
  readonly size: number;
}

type OnRead = (bytes: number) => void;

/** Whether {@link sameSmallContents} takes them. */
export function isSmall({ size }: FilePair): boolean {
  return size <= SMALL;
}

/**
 * Whether each pair of small files has the same content; all in one job, since a job costs more than reading one of them.
 * For a pair that cannot be read, the error of the failed call.
 */
export function* sameSmallContents(
  pairs: readonly FilePair[],
  onRead: OnRead = () => {},
): Routine<(boolean | KernelError)[]> {
  const program = new Program();
  const steps = pairs.map(({ before, after, size }) =>
    [before, after].map(({ dir, name }) => {
      const file = program.add('openat', MAY_FAIL, dir, name, FLAGS, 0);
      // A byte more than it had: whether it has grown since.
      return { file, dir, name, bytes: program.add('read', WANT | MAY_FAIL, file, size + 1) };
    }),
  );
  yield* program.run();
  const same: (boolean | KernelError)[] = [];
  for (const [i, sides] of steps.entries()) {
    const read = sides.map(({ bytes }) => program.bytes(bytes));
    onRead(read.reduce((sum, bytes) => sum + (bytes?.length ?? 0), 0));
    const [a, b] = read;
    if (a === undefined || b === undefined) same.push(failure(program, sides[a === undefined ? 0 : 1]!));
    else if (!a.equals(b)) same.push(false);
    else same.push(a.length <= pairs[i]!.size || (yield* sameLargeContents(pairs[i]!, onRead)));
  }
  return same;
}

function failure(
  program: Program,
  { file, bytes, dir, name }: FileInDirectory & { readonly file: number; readonly bytes: number },
): KernelError {
  const opened = program.value(file);
  const [syscall, errno] = opened < 0 ? ['openat', -opened] : ['read', -program.value(bytes)];
  const call = `${syscall}(${dir}, ${JSON.stringify(Buffer.from(name).toString())})`;
  return new KernelError({ errno, syscall, call, log: '', step: 0 });
}

/**
 * Whether two files of any size have the same content.
 *
 * @throws {KernelError} of openat(2), or of read(2) as node:fs has it
 */
export function* sameLargeContents({ before, after }: FilePair, onRead: OnRead = () => {}): Routine<boolean> {
  const program = new Program();
  const opened = [before, after].map(({ dir, name }) => program.add('openat', KEEP, dir, name, FLAGS, 0));
  yield* program.run();
  const [a, b] = opened.map((step) => program.value(step)) as [number, number];
  try {
    return yield* sameBytes(a, b, onRead);
  } finally {
    close(a);
    close(b);
  }
}

/** Whether two links lead to the same path. Throws KernelError of readlinkat(2). */
export function* sameTarget(before: FileInDirectory, after: FileInDirectory): Routine<boolean> {
  const a = yield* call('readlinkat', before.dir, before.name);
  return a.equals(yield* call('readlinkat', after.dir, after.name));
}
