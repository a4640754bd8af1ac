// A failed system call, printed as the call: fsconfig(overlay, FSCONFIG_SET_STRING, "lowerdir+", "/a"): ENOENT.
import { AT_FDCWD } from './constants.ts';
import { errnoName } from './errno.ts';

/** The bytes of an earlier step's result, as an argument of a later one. */
export interface StepBytes {
  readonly step: number;
}

export type CallArgument = number | bigint | string | Uint8Array | StepBytes | null;

// From this number on, a descriptor argument means what an earlier step of the program gave (native/program.h).
export const STEP_BASE = 0x4000_0000;

const FSCONFIG = /^fsconfig_(?:set_)?(.*)$/;

function printArgument(argument: CallArgument, letter: string, stepNames: readonly string[]): string {
  if (argument === null) return 'NULL';
  if (typeof argument === 'string') return JSON.stringify(argument);
  if (argument instanceof Uint8Array && letter === 'b') return `<${argument.length} bytes>`;
  if (argument instanceof Uint8Array) return JSON.stringify(Buffer.from(argument).toString());
  if (typeof argument === 'object') return `<result of ${stepNames[argument.step] ?? 'a step'}>`;
  if (letter === 'f' && argument === AT_FDCWD) return 'AT_FDCWD';
  if (letter === 'f' && Number(argument) >= STEP_BASE) return stepNames[Number(argument) - STEP_BASE] ?? 'fd';
  return letter === 'f' || Number(argument) < 10 ? String(argument) : `0x${argument.toString(16)}`;
}

/**
 * Prints a call the way a tracer would. `stepNames` names what descriptors of earlier steps stand for.
 */
export function printCall(
  name: string,
  signature: string,
  args: readonly CallArgument[],
  stepNames: readonly string[] = [],
): string {
  const printed = args.map((argument, i) => printArgument(argument, signature[i] ?? '', stepNames));
  const command = FSCONFIG.exec(name)?.[1];
  if (command === undefined) return `${name}(${printed.join(', ')})`;
  const verb = command === 'create' || command === 'reconfigure' ? 'CMD' : 'SET';
  const [context, ...rest] = printed;
  return `fsconfig(${[context, `FSCONFIG_${verb}_${command.toUpperCase()}`, ...rest].join(', ')})`;
}

export interface FailedCall {
  /** Positive, as in errno(3). */
  readonly errno: number;
  readonly syscall: string;
  /** The call as text. */
  readonly call: string;
  /** What the kernel wrote into the file-system context, a message a line, without the final newline. */
  readonly log: string;
  /** Which step of the program failed; 0 for a call by itself. */
  readonly step: number;
}

/** Has the fields of Node's own system errors: `errno` (negative), `code`, `syscall`. */
export class KernelError extends Error {
  override readonly name = 'KernelError';
  readonly errno: number;
  readonly code: string;
  readonly syscall: string;
  readonly call: string;
  readonly log: string;
  readonly step: number;

  constructor(failed: FailedCall) {
    const code = errnoName(failed.errno);
    super(`${failed.call}: ${code}${failed.log === '' ? '' : ` (the kernel says: ${failed.log})`}`);
    this.errno = -failed.errno;
    this.code = code;
    this.syscall = failed.syscall;
    this.call = failed.call;
    this.log = failed.log;
    this.step = failed.step;
  }
}
