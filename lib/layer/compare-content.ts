// Whether two files, or two links, have the same content: read in pieces, and no further than the first difference.
import { read, readSync } from 'node:fs';
import { promisify } from 'node:util';
import { call, close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } from '../kernel/constants.ts';
import { KEEP, Program, WANT } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';

/** A file by the directory it is in and its name there. */
export interface FileInDirectory {
  readonly dir: number;
  readonly name: Uint8Array;
}

const PIECE = 256 * 1024;
// Files up to this size are opened and read in one job.
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
export function* sameBytes(
  before: number,
  after: number,
  onRead: (bytes: number) => void = () => {},
): Routine<boolean> {
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

// Both in one job: a job costs more than reading such a file.
function* smallContents(files: readonly FileInDirectory[]): Routine<Buffer[]> {
  const program = new Program();
  const steps = files.map(({ dir, name }) => {
    const file = program.add('openat', 0, dir, name, FLAGS, 0);
    return program.add('read', WANT, file, SMALL + 1);
  });
  yield* program.run();
  return steps.map((step) => program.bytes(step)!);
}

/**
 * Whether two files have the same content.
 *
 * @param size of both, as statx(2) has told it
 * @throws {KernelError} of openat(2), or of read(2) as node:fs has it
 */
export function* sameFileContent(
  before: FileInDirectory,
  after: FileInDirectory,
  size: number,
  onRead: (bytes: number) => void = () => {},
): Routine<boolean> {
  if (size <= SMALL) {
    const [a, b] = (yield* smallContents([before, after])) as [Buffer, Buffer];
    onRead(a.length + b.length);
    // Neither has grown: then it was all.
    if (a.length <= SMALL && b.length <= SMALL) return a.equals(b);
  }
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
