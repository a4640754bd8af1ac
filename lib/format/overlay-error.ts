// The one error that users of the package meet: what is wrong, where, and what to do about it.

/** One thing that is wrong or dangerous, found by looking. */
export interface Finding {
  /** Stable: an `ErrorCode`, listed in docs/errors.md. */
  readonly code: string;
  /** True, and enough for a person to act on. */
  readonly sentence: string;
  /** What to do about it, in one sentence. */
  readonly hint: string;
  /** `'lower' | 'upper' | 'work' | 'target' | 'data'`, or the name of an option. */
  readonly option?: string | undefined;
  /** Which lower (or data) layer, from 0. */
  readonly index?: number | undefined;
  /** The path as given; bytes that are no UTF-8 are shown as U+FFFD. */
  readonly path?: string | undefined;
}

/** A failed system call, as KernelError of the kernel floor has it. */
export interface SystemCallFailure {
  readonly errno: number;
  readonly syscall: string;
}

/**
 * Thrown for everything that goes wrong. Match on `code`, an `ErrorCode`, never on the message.
 * `errno` (negative, as in Node's own errors) and `syscall` are there when a system call failed.
 */
export class OverlayError extends Error {
  readonly code: string;
  declare readonly errno?: number;
  declare readonly syscall?: string;
  declare readonly option?: string;
  declare readonly index?: number;
  declare readonly path?: string;
  readonly hint: string;
  /** All that was found, the cause first. */
  readonly findings: readonly Finding[];
  /**
   * What the overlay driver writes into the kernel log when it is asked for the failed mount again, a message a line.
   * Absent when it says nothing, or when this process may not read /dev/kmsg. Its words change from kernel to kernel.
   */
  declare readonly kernelLog?: readonly string[];

  constructor(
    findings: readonly [Finding, ...Finding[]],
    cause?: unknown,
    kernelLog: readonly string[] = [],
  ) {
    const [first] = findings;
    super(first.sentence, cause === undefined ? undefined : { cause });
    this.name = 'OverlayError';
    this.code = first.code;
    this.hint = first.hint;
    this.findings = findings;
    if (first.option !== undefined) this.option = first.option;
    if (first.index !== undefined) this.index = first.index;
    if (first.path !== undefined) this.path = first.path;
    const failed = cause as Partial<SystemCallFailure> | undefined;
    if (typeof failed?.errno === 'number') this.errno = failed.errno;
    if (typeof failed?.syscall === 'string') this.syscall = failed.syscall;
    if (kernelLog.length > 0) this.kernelLog = kernelLog;
  }
}

/** A path for people: text where it is UTF-8. */
export function shown(path: string | Uint8Array): string {
  return typeof path === 'string' ? path : Buffer.from(path).toString();
}
