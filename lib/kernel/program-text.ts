// Reads a program's bytes back into calls, for saying which of them failed; the form is that of native/program.h.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import { addon } from './addon.ts';
import { type CallArgument, printCall } from './kernel-error.ts';

export const CLOSE_GIVEN = 255;
export const NULL_LENGTH = 0xffff_ffff;
export const STEP_LENGTH = 0xffff_fffe;

interface ReadCall {
  readonly name: string;
  readonly signature: string;
  readonly args: readonly CallArgument[];
}

/** The calls of a program, in order. */
function readCalls(bytes: Uint8Array): ReadCall[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const calls: ReadCall[] = [];
  const names = Object.keys(addon.calls);
  let at = 0;
  const word = (): number => {
    at += 4;
    return view.getUint32(at - 4, HOST_IS_LITTLE_ENDIAN);
  };
  const long = (): bigint => {
    at += 8;
    return view.getBigUint64(at - 8, HOST_IS_LITTLE_ENDIAN);
  };
  const padded = (size: number): number => (size + 3) & ~3;
  const text = (terminated: boolean): CallArgument => {
    const size = word();
    if (size === NULL_LENGTH) return null;
    if (size === STEP_LENGTH) return { step: word() };
    const value = Buffer.from(bytes.subarray(at, at + size));
    at += padded(size + (terminated ? 1 : 0));
    return value;
  };
  const readers: Readonly<Record<string, () => CallArgument>> = {
    f: () => word() | 0,
    u: word,
    q: long,
    t: () => text(true),
    b: () => text(false),
  };
  while (at < bytes.length) {
    const number = word() & 0xff;
    const name = number === CLOSE_GIVEN ? 'close' : names[number]!;
    const signature = addon.calls[name] ?? 'f';
    calls.push({ name, signature, args: [...signature].map((letter) => readers[letter]!()) });
  }
  return calls;
}

// What a descriptor of an earlier step stands for, in the reader's words: the path opened, or the type of the context.
function descriptorName({ name, args }: ReadCall): string {
  if (name === 'fsopen') return String(args[0]);
  const path = args[1];
  return path instanceof Uint8Array && path.length > 0 ? `<${path}>` : `<${name}>`;
}

/** One step of a program as text, the way a tracer prints it. */
export function printStep(bytes: Uint8Array, step: number): string {
  const calls = readCalls(bytes);
  const call = calls[step];
  return call === undefined
    ? 'program'
    : printCall(call.name, call.signature, call.args, calls.map(descriptorName));
}
