// What the driver writes into the kernel log while it refuses a mount: it tells there what no errno tells.
import { overlayLines } from '../format/kernel-log.ts';
import { close } from '../kernel/call.ts';
import { AT_FDCWD, O_NONBLOCK, O_RDONLY, SEEK_END } from '../kernel/constants.ts';
import { EAGAIN } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, overlappingRuns, Program, WANT } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Directory } from './subject.ts';

/** What stands in the log of the time of one attempt. */
export interface Heard {
  readonly records: readonly Buffer[];
  /** No other program of this thread ran at the time, which could have made the driver write. */
  readonly alone: boolean;
}

/** The lines, oldest first; or the refusal, when this process may not read the log. */
export type DriverWords = readonly string[] | KernelError;

// At most so many, and so many at a time: an attempt makes the driver write one line, or two.
const RECORDS = 64;
const AT_A_TIME = 4;
// The longest that the kernel gives (PRINTK_MESSAGE_MAX); a longer one is passed over.
const RECORD_BYTES = 8192;

/** An open kernel log, at its end. */
export class Ear {
  readonly #log: number;
  readonly #overlaps: number = overlappingRuns();

  constructor(log: number) {
    this.#log = log;
  }

  /** What has been written since it was opened. */
  *hear(): Routine<Heard> {
    const alone = overlappingRuns() === this.#overlaps;
    const records: Buffer[] = [];
    for (let more = true; more && records.length < RECORDS; ) {
      const program = new Program();
      // One record a read; a read fails where there is none, and where the oldest ones were overwritten.
      const steps = Array.from({ length: AT_A_TIME }, () =>
        program.add('read', MAY_FAIL | WANT, this.#log, RECORD_BYTES),
      );
      yield* program.run();
      more = program.value(steps.at(-1)!) !== -EAGAIN;
      records.push(...steps.map((step) => program.bytes(step)).filter((record) => record !== undefined));
    }
    return { records, alone };
  }

  close(): void {
    close(this.#log);
  }
}

/** Opens /dev/kmsg at its end; the refusal when this process may not. Source: Documentation/ABI/testing/dev-kmsg. */
export function* openEar(): Routine<Ear | KernelError> {
  try {
    const program = new Program();
    const log = program.add('openat', KEEP, AT_FDCWD, '/dev/kmsg', O_RDONLY | O_NONBLOCK, 0);
    program.add('lseek', 0, log, 0, SEEK_END);
    yield* program.run();
    return new Ear(program.value(log));
  } catch (error) {
    if (error instanceof KernelError) return error;
    throw error;
  }
}

/** The lines that are of a mount of these directories, each once. */
export function wordsOf(heard: Heard | KernelError, directories: readonly Directory[]): DriverWords {
  if (heard instanceof KernelError) return heard;
  const given = directories.flatMap(({ path, absolute }) => [path, absolute]);
  const paths = given.filter((path) => path !== undefined).map((path) => Buffer.from(path as Uint8Array));
  return [...new Set(overlayLines(heard.records, paths, heard.alone))];
}
