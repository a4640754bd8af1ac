// Builds and runs programs: chains of system calls that go to the kernel in one job (native/program.h).
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { addon, type NativeFailure } from './addon.ts';
import { type CallArgument, KernelError, printCall, STEP_BASE, type StepBytes } from './kernel-error.ts';
import { type Routine, wait } from './routine.ts';
import type { CallSignatures } from './signatures.ts';

/** Hand the step's descriptor to the caller instead of closing it at the end. */
export const KEEP = 1;
/** Hand the step's bytes to the caller. */
export const WANT = 2;
/** A failure becomes the value -errno, and the program goes on. */
export const MAY_FAIL = 4;
/** The descriptor is a file-system context: read the kernel's messages from it when a later step fails. */
export const LOG = 8;

const CLOSE_GIVEN = 255;
const NULL_LENGTH = 0xffff_ffff;
const STEP_LENGTH = 0xffff_fffe;
const nothing: readonly number[] = [];

// Bytes that a wanted result can have at most; the others say it in their last argument.
const resultLimits: Readonly<Record<string, number>> = {
  statx: 256,
  fstatfs: 64,
  readlinkat: 4096,
  getxattr: 65536,
  listxattr: 65536,
};

// Buffers of finished programs, so that a mount does not allocate.
const spare: Buffer[] = [];

export class Program {
  readonly given: readonly number[];
  #buffer: Buffer = spare.pop() ?? Buffer.allocUnsafeSlow(8192);
  #view: DataView = new DataView(this.#buffer.buffer);
  #length = 0;
  #wanted = 0;
  readonly #names: string[] = [];
  readonly #flags: number[] = [];
  readonly #args: (readonly CallArgument[])[] = [];
  readonly #results: (number | Buffer | undefined)[] = [];

  /** `given`: descriptors that the program takes over and closes at its end, unless it fails. */
  constructor(given: readonly number[] = nothing) {
    this.given = given;
  }

  /** Adds a call; the result stands for the step's descriptor in later arguments. */
  add<K extends keyof CallSignatures>(name: K, flags: number, ...args: CallSignatures[K]): number {
    const call = addon.calls[name]!;
    this.#begin(name, call.number, flags, args);
    const { signature } = call;
    for (let i = 0; i < args.length; i++) this.#argument(signature.charCodeAt(i), args[i] as CallArgument);
    if (flags & WANT) this.#wanted += 8 + (resultLimits[name] ?? 8 * Number(args[args.length - 1]));
    return STEP_BASE + this.#names.length - 1;
  }

  /** Closes one of the given descriptors before the program ends. */
  closeGiven(fd: number): void {
    const args = [fd];
    this.#begin('close', CLOSE_GIVEN, 0, args);
    this.#argument(102, fd);
  }

  /** The bytes of that step, as an argument of a later one. */
  bytesOf(step: number): StepBytes {
    return { step: step - STEP_BASE };
  }

  /** After the run: the kept descriptor, or -errno of a step that may fail and did. */
  value(step: number): number {
    return this.#results[step - STEP_BASE] as number;
  }

  /** After the run: the wanted bytes, or undefined when a step that may fail did. */
  bytes(step: number): Buffer | undefined {
    const result = this.#results[step - STEP_BASE];
    return typeof result === 'object' ? result : undefined;
  }

  /** Runs the program as part of a routine; throws KernelError. */
  *run(): Routine<this> {
    yield* wait(this);
    return this;
  }

  now(): void {
    const output = this.#output();
    this.#finish(addon.runProgramSync(this.#bytes(), output, this.given), output);
  }

  async later(): Promise<void> {
    const output = this.#output();
    this.#finish(await addon.runProgram(this.#bytes(), output, this.given), output);
  }

  #bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  #output(): Buffer {
    const size = this.#names.length * 4 + this.#wanted;
    const buffer = spare.pop();
    return buffer !== undefined && buffer.length >= size
      ? buffer
      : Buffer.allocUnsafeSlow(Math.max(8192, size));
  }

  #finish(outcome: number | NativeFailure, output: Buffer): void {
    if (typeof outcome === 'number') this.#collect(output);
    if (spare.length < 16) spare.push(this.#buffer, output);
    if (typeof outcome !== 'number') throw this.#error(outcome);
  }

  #collect(output: Buffer): void {
    const view = new DataView(output.buffer, output.byteOffset, output.byteLength);
    for (let i = 0; i < this.#flags.length; i++) {
      const flags = this.#flags[i]!;
      if ((flags & (KEEP | WANT | MAY_FAIL)) === 0) continue;
      const value = view.getInt32(i * 4, HOST_IS_LITTLE_ENDIAN);
      if ((flags & WANT) === 0 || value < 0) {
        this.#results[i] = value;
        continue;
      }
      const start = value + 4;
      this.#results[i] = Buffer.from(
        output.subarray(start, start + view.getUint32(value, HOST_IS_LITTLE_ENDIAN)),
      );
    }
  }

  #error(failure: NativeFailure): KernelError {
    const name = this.#names[failure.step] ?? failure.syscall;
    const signature = addon.calls[name]?.signature ?? 'f';
    return new KernelError({
      errno: failure.errno,
      syscall: failure.syscall,
      call: printCall(name, signature, this.#args[failure.step] ?? [], this.#descriptorNames()),
      log: Buffer.from(failure.log).toString().trimEnd(),
      step: failure.step,
    });
  }

  // What a descriptor of an earlier step stands for, in the reader's words: the path opened, or the type.
  #descriptorNames(): string[] {
    return this.#names.map((name, i) => {
      const args = this.#args[i]!;
      if (name === 'fsopen') return String(args[0]);
      const path = args[1];
      return path instanceof Uint8Array || typeof path === 'string' ? `<${path}>` : `<${name}>`;
    });
  }

  #begin(name: string, number: number, flags: number, args: readonly CallArgument[]): void {
    this.#names.push(name);
    this.#flags.push(flags);
    this.#args.push(args);
    this.#reserve(2);
    this.#buffer[this.#length++] = number;
    this.#buffer[this.#length++] = flags;
  }

  #argument(letter: number, argument: CallArgument): void {
    this.#reserve(12);
    if (letter === 102 /* f */) {
      this.#view.setInt32(this.#length, argument as number, HOST_IS_LITTLE_ENDIAN);
      this.#length += 4;
    } else if (letter === 117 /* u */) {
      this.#view.setUint32(this.#length, argument as number, HOST_IS_LITTLE_ENDIAN);
      this.#length += 4;
    } else if (letter === 113 /* q */) {
      this.#view.setBigUint64(this.#length, BigInt(argument as number | bigint), HOST_IS_LITTLE_ENDIAN);
      this.#length += 8;
    } else {
      this.#bytesArgument(argument as string | Uint8Array | StepBytes | null, letter === 116 /* t */);
    }
  }

  #bytesArgument(argument: string | Uint8Array | StepBytes | null, terminated: boolean): void {
    const at = this.#length;
    if (argument === null) {
      this.#view.setUint32(at, NULL_LENGTH, HOST_IS_LITTLE_ENDIAN);
      this.#length += 4;
      return;
    }
    if (typeof argument === 'object' && !(argument instanceof Uint8Array)) {
      this.#view.setUint32(at, STEP_LENGTH, HOST_IS_LITTLE_ENDIAN);
      this.#view.setUint32(at + 4, argument.step, HOST_IS_LITTLE_ENDIAN);
      this.#length += 8;
      return;
    }
    // UTF-8 takes at most three bytes a UTF-16 unit.
    this.#reserve(8 + argument.length * 3);
    let size: number;
    if (typeof argument === 'string') size = this.#buffer.write(argument, at + 4);
    else {
      this.#buffer.set(argument, at + 4);
      size = argument.length;
    }
    this.#view.setUint32(at, size, HOST_IS_LITTLE_ENDIAN);
    this.#length = at + 4 + size;
    if (terminated) this.#buffer[this.#length++] = 0;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(2 * (this.#length + more));
    larger.set(this.#bytes());
    this.#buffer = larger;
    this.#view = new DataView(larger.buffer);
  }
}
