// Builds and runs programs: chains of system calls that go to the kernel in one job (native/program.h).
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { addon, type NativeFailure } from './addon.ts';
import { type CallArgument, KernelError, STEP_BASE, type StepBytes } from './kernel-error.ts';
import { kindOf, ProgramBytes } from './program-bytes.ts';
import { CLOSE_GIVEN, printStep } from './program-text.ts';
import { mostBytes } from './result-limits.ts';
import { type Routine, wait } from './routine.ts';
import type { StepSignatures } from './signatures.ts';

/** Hand the step's descriptor to the caller instead of closing it at the end. */
export const KEEP = 1;
/** Hand the step's bytes to the caller. */
export const WANT = 2;
/** A failure becomes the value -errno, and the program goes on. */
export const MAY_FAIL = 4;
/** The descriptor is a file-system context: read the kernel's messages from it when a later step fails. */
export const LOG = 8;

/**
 * Where a program runs: `'child'` is a process that lives as long as the program, shares memory and descriptors with this
 * one, and may leave namespaces (native/namespace_child.cc); `'apart'` is one that becomes another program by `execve`,
 * and goes on (native/guardian.cc).
 */
export type ProgramPlace = 'here' | 'child' | 'apart';

/** What has become of a program that runs apart. */
export interface Started {
  /** How many steps have ended; the one behind them is the `execve` that came to be. */
  readonly ended: number;
  /** Tells of the process and takes signals for it; for the caller to close. */
  readonly socket: number;
  /** The process; 0 when no `execve` came to be. */
  readonly pid: number;
}

const STARTED_BYTES = 12;

const nothing: readonly number[] = [];
const nothingYet: Buffer = Buffer.alloc(0);

/** A call as a program needs it: everything in small numbers, since what is cold in the cache costs most here. */
interface Row {
  readonly number: number;
  /** How many arguments. */
  readonly arity: number;
  /** Their kinds, two bits each, the first lowest. */
  readonly kinds: number;
}

// A Map, since the table that the addon gives is an object that the engine looks up slowly; made as they are asked for,
// since a process that makes one mount needs a third of them.
const rows = new Map<string, Row>();
let names: readonly string[] | undefined;

function newRow(name: string): Row {
  names ??= Object.keys(addon.calls);
  const letters = addon.calls[name]!;
  let kinds = 0;
  for (let i = 0; i < letters.length; i++) kinds |= kindOf(letters[i]!) << (2 * i);
  const row = { number: names.indexOf(name), arity: letters.length, kinds };
  rows.set(name, row);
  return row;
}

const runners = { here: addon.runProgram, child: addon.runProgramInChild, apart: addon.runProgramApart };
const syncRunners = {
  here: addon.runProgramSync,
  child: addon.runProgramInChildSync,
  // Nobody waits for another program with everything else standing still.
  get apart(): never {
    throw new Error('a program that runs apart has no Sync form');
  },
};

let running = 0;
let overlaps = 0;

/** How often a program was sent to the thread pool while another of this thread was there. */
export function overlappingRuns(): number {
  return overlaps;
}

export class Program {
  readonly given: readonly number[];
  /** How many have been added. */
  steps: number = 0;
  readonly #place: ProgramPlace;
  readonly #bytes: ProgramBytes = new ProgramBytes();
  #repeats = false;
  #flags = 0;
  #wanted = 0;
  #output: Buffer = nothingYet;
  #size = 0;

  /** `given`: descriptors that the program takes over and closes at its end, unless it fails. */
  constructor(given: readonly number[] = nothing, place: ProgramPlace = 'here') {
    this.given = given;
    this.#place = place;
  }

  /** It is to run more than once, one run after the other, until {@link release}. */
  repeating(): this {
    this.#repeats = true;
    return this;
  }

  /** It does not run again: what it is written in is for others. */
  release(): void {
    this.#bytes.release();
  }

  /** Adds a call; the result stands for the step's descriptor in later arguments. */
  add<K extends keyof StepSignatures>(name: K, flags: number, ...args: StepSignatures[K]): number;
  // One by one: a rest parameter would make an array for each call.
  add(
    name: string,
    flags: number,
    a: CallArgument,
    b?: CallArgument,
    c?: CallArgument,
    d?: CallArgument,
    e?: CallArgument,
    f?: CallArgument,
    g?: CallArgument,
  ): number {
    const { number, arity, kinds } = rows.get(name) ?? newRow(name);
    const bytes = this.#bytes;
    this.#flags |= flags;
    bytes.begin();
    bytes.word(number | (flags << 8));
    bytes.argument(kinds & 3, a);
    if (arity > 1) bytes.argument((kinds >> 2) & 3, b!);
    if (arity > 2) bytes.argument((kinds >> 4) & 3, c!);
    if (arity > 3) bytes.argument((kinds >> 6) & 3, d!);
    if (arity > 4) bytes.argument((kinds >> 8) & 3, e!);
    if (arity > 5) {
      bytes.argument((kinds >> 10) & 3, f!);
      bytes.argument((kinds >> 12) & 3, g!);
    }
    if (flags & WANT) this.#wanted += 8 + mostBytes(name, d ?? c ?? b);
    return STEP_BASE + this.steps++;
  }

  /** Closes one of the given descriptors, or that of a step, before the program ends. */
  close(fd: number): void {
    this.#bytes.begin();
    this.#bytes.word(CLOSE_GIVEN);
    this.#bytes.word(fd);
    this.steps++;
  }

  /** After the run of one that runs apart. */
  get started(): Started {
    const [ended, socket, pid] = [0, 4, 8].map((at) => this.#wordAt(this.#size - STARTED_BYTES + at));
    return { ended: ended!, socket: socket!, pid: pid! };
  }

  /** The bytes of that step, as an argument of a later one. */
  bytesOf(step: number): StepBytes {
    return { step: step - STEP_BASE };
  }

  /** After the run: the kept descriptor, or -errno of a step that may fail and did. */
  value(step: number): number {
    return this.#wordAt((step - STEP_BASE) * 4);
  }

  /** After the run: the wanted bytes, or undefined when a step that may fail did. */
  bytes(step: number): Buffer | undefined {
    const at = this.value(step);
    if (at < 0) return undefined;
    const size = HOST_IS_LITTLE_ENDIAN ? this.#output.readUInt32LE(at) : this.#output.readUInt32BE(at);
    return this.#output.subarray(at + 4, at + 4 + size);
  }

  /** Runs the program as part of a routine; throws KernelError. */
  *run(): Routine<this> {
    yield* wait(this);
    return this;
  }

  /** The same for asking only: what the kernel refused, in place of throwing it. */
  *refusal(): Routine<KernelError | undefined> {
    try {
      yield* this.run();
      return undefined;
    } catch (error) {
      if (error instanceof KernelError) return error;
      throw error;
    }
  }

  now(): void {
    this.#output = this.#room();
    const run = syncRunners[this.#place];
    this.#finish(run(this.#bytes.buffer, this.#bytes.size, this.#output, this.given));
  }

  async later(): Promise<void> {
    this.#output = this.#room();
    const run = runners[this.#place];
    if (running > 0) overlaps += 1;
    running += 1;
    try {
      this.#finish(await run(this.#bytes.buffer, this.#bytes.size, this.#output, this.given));
    } finally {
      running -= 1;
    }
  }

  // None where there is nothing to be told: of many programs it counts alone that they came to their end.
  #room(): Buffer {
    if (this.#place !== 'apart' && (this.#flags & (KEEP | WANT | MAY_FAIL)) === 0) return nothingYet;
    // What a run gave has been read before the next one, if it is no more than numbers.
    if (this.#repeats && this.#wanted === 0 && this.#output !== nothingYet) return this.#output;
    return Buffer.allocUnsafe(this.steps * 4 + this.#wanted + STARTED_BYTES);
  }

  #wordAt(at: number): number {
    return HOST_IS_LITTLE_ENDIAN ? this.#output.readInt32LE(at) : this.#output.readInt32BE(at);
  }

  #finish(outcome: number | NativeFailure): void {
    const error = typeof outcome === 'number' ? undefined : this.#error(outcome);
    if (!this.#repeats) this.release();
    if (error !== undefined) throw error;
    this.#size = outcome as number;
  }

  #error(failure: NativeFailure): KernelError {
    return new KernelError({
      errno: failure.errno,
      syscall: failure.syscall,
      call: printStep(this.#bytes.buffer.subarray(0, this.#bytes.size), failure.step),
      log: Buffer.from(failure.log).toString().trimEnd(),
      step: failure.step,
    });
  }
}
