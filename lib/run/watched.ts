// A process as its guardian tells of it (native/guardian.h): how it ends, stops and goes on, and when nothing of it runs.

import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import type { Line, OpenLine } from './line.ts';
import { signalName } from './signal-names.ts';

/** How a command has ended: by its exit code, or by a signal; the other one is null. */
export interface Ending {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Listener {
  ended(ending: Ending): void;
  stopped(signal: NodeJS.Signals): void;
  continued(): void;
  /** It has ended, and others that it started have not. */
  others(): void;
  /** Nothing of it runs any more. */
  over(): void;
}

const OTHERS = -1;
const CONTINUED = 0xffff;
const END_ALL = 0;

export class Watched {
  readonly #line: Line;
  readonly #listener: Listener;
  #rest: Buffer = Buffer.alloc(0);

  constructor(fd: number, open: OpenLine, listener: Listener) {
    this.#listener = listener;
    this.#line = open(fd, { heard: (bytes) => this.#read(bytes), closed: () => listener.over() });
  }

  /** @param signal its number; false when nobody is there any more */
  kill(signal: number): boolean {
    return this.#line.write(signal);
  }

  /** Kills all that runs. */
  endAll(): void {
    this.#line.write(END_ALL);
  }

  ref(): void {
    this.#line.ref();
  }

  unref(): void {
    this.#line.unref();
  }

  #read(bytes: Buffer): void {
    const all = Buffer.concat([this.#rest, bytes]);
    let at = 0;
    for (; at + 4 <= all.length; at += 4)
      this.#tell(HOST_IS_LITTLE_ENDIAN ? all.readInt32LE(at) : all.readInt32BE(at));
    this.#rest = all.subarray(at);
  }

  // Source: wait(2), as all architectures have it.
  #tell(status: number): void {
    const low = status & 0x7f;
    if (status === OTHERS) this.#listener.others();
    else if (status === CONTINUED) this.#listener.continued();
    else if (low === 0x7f) this.#listener.stopped(signalName((status >> 8) & 0xff));
    else if (low === 0) this.#listener.ended({ exitCode: (status >> 8) & 0xff, signal: null });
    else this.#listener.ended({ exitCode: null, signal: signalName(low) });
  }
}
