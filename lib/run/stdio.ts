// The first descriptors of a command: where each comes from, and the streams on our side of those that are pipes.
import type { EventEmitter } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tooManyOpenFiles } from '../diagnosis/descriptor-limit.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { callSync, close } from '../kernel/call.ts';
import { AT_FDCWD, O_RDWR, O_WRONLY, procPath } from '../kernel/constants.ts';
import { runSync } from '../kernel/routine.ts';
import { isFailedCall, pathFailure } from '../layer/path-failure.ts';
import { refuse, wrongType } from '../mount/refuse.ts';
import type { RunOptions, StdioEntry } from './options.ts';

/** Our side of a pipe. */
export interface Stdio {
  /** What the command gets as 0, 1, 2 and so on. */
  readonly sources: readonly number[];
  /** Ours by the same numbers; null where it is no pipe. */
  readonly streams: readonly (Socket | null)[];
  /** Lets the command's side go: it has its own by now, or never will. */
  release(): void;
  /** Lets our side go too. */
  abandon(): void;
}

function descriptorOf(entry: unknown, index: number): number {
  const { fd, _handle: handle } = entry as { fd?: unknown; _handle?: { fd?: unknown } };
  const number = typeof entry === 'number' ? entry : (fd ?? handle?.fd);
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < 2 ** 30)
    return number;
  const expected = "'pipe', 'inherit', 'ignore', a descriptor, or a stream that has one";
  if (typeof entry === 'string') {
    const sentence = `stdio[${index}] is ${JSON.stringify(entry)}, and may be ${expected}`;
    return refuse('ERR_OVERLAY_INVALID_VALUE', { option: 'stdio', index }, sentence, `use ${expected}`);
  }
  return wrongType('stdio', expected, entry, index);
}

function entriesOf({ stdio = 'pipe' }: RunOptions): StdioEntry[] {
  if (typeof stdio === 'string') return [stdio, stdio, stdio];
  if (!Array.isArray(stdio)) return wrongType('stdio', 'a word or an array', stdio);
  const entries = [...(stdio as readonly StdioEntry[])];
  while (entries.length < 3) entries.push(undefined);
  return entries.map((entry, i) => entry ?? (i < 3 ? 'pipe' : 'ignore'));
}

/** What has an event `close`. */
interface Closing extends Pick<EventEmitter, 'listenerCount' | 'on'> {
  readonly stdio: Stdio['streams'];
}

interface Pipe {
  readonly theirs: number;
  readonly stream: Socket;
}

// Pipes and no sockets, as those of child_process are: /dev/stdout of a program can be opened then. Each side is opened
// anew, so that what one sets for itself (O_NONBLOCK) is not set for the other.
function pipe(index: number): Pipe {
  const { Socket } = process.getBuiltinModule('node:net');
  const end = callSync('pipe2', 0);
  let ours: number | undefined;
  try {
    ours = openSync(procPath(end), index === 0 ? 'w' : 'r');
    if (index === 0)
      return { theirs: end, stream: new Socket({ fd: ours, readable: false, writable: true }) };
    const theirs = callSync('openat', AT_FDCWD, procPath(end), O_WRONLY, 0);
    close(end);
    return { theirs, stream: new Socket({ fd: ours, readable: true, writable: false }) };
  } catch (error) {
    if (ours !== undefined) closeSync(ours);
    close(end);
    throw error;
  }
}

/** For a pipe or /dev/null that cannot be had. */
function notOpened(error: unknown): unknown {
  if (!isFailedCall(error)) return error;
  const { syscall = 'open' } = error as { syscall?: string };
  const noneLeft = runSync(tooManyOpenFiles({ errno: error.errno, syscall }));
  return noneLeft === undefined
    ? pathFailure(error, 'a standard stream of the command')
    : new OverlayError([noneLeft], error);
}

/** @throws {OverlayError} for what cannot be a descriptor, ERR_OVERLAY_TOO_MANY_OPEN_FILES */
export function openStdio(options: RunOptions): Stdio {
  const entries = entriesOf(options);
  const [sources, streams, own]: [number[], (Socket | null)[], number[]] = [[], [], []];
  const release = () => {
    for (const fd of own.splice(0)) close(fd);
  };
  const abandon = () => {
    release();
    for (const stream of streams) stream?.destroy();
  };
  try {
    for (const [i, entry] of entries.entries()) {
      let stream: Socket | null = null;
      if (entry === 'inherit') sources.push(i);
      else if (entry === 'ignore') {
        own.push(callSync('openat', AT_FDCWD, '/dev/null', O_RDWR, 0));
        sources.push(own.at(-1)!);
      } else if (entry === 'pipe') {
        if (i > 2) {
          const sentence = `stdio[${i}]: only the first three can be pipes`;
          refuse('ERR_OVERLAY_NOT_SUPPORTED', { option: 'stdio', index: i }, sentence, 'pass a descriptor');
        }
        const made = pipe(i);
        own.push(made.theirs);
        sources.push(made.theirs);
        stream = made.stream;
      } else sources.push(descriptorOf(entry, i));
      streams.push(stream);
    }
    return { sources, streams, release, abandon };
  } catch (error) {
    abandon();
    throw notOpened(error);
  }
}

/** Calls `then` when no stream of ours is open any more. */
export function whenClosed(command: Closing, then: () => void): void {
  const open = command.stdio.filter((stream) => stream !== null && !stream.closed);
  let left = open.length;
  if (left === 0) then();
  for (const stream of open) {
    stream!.once('close', () => {
      left -= 1;
      if (left === 0) then();
    });
  }
  // What nobody reads never closes. As with child_process it is thrown away for who waits for that; for others it stays.
  const drain = (): void => {
    for (const stream of open) if (stream!.readable) stream!.resume();
  };
  if (command.listenerCount('close') > 0) drain();
  else command.on('newListener', (event) => (event === 'close' ? drain() : undefined));
}
