// A standard stream of this process, without Node's own as long as the descriptor takes all at once: those take some
// milliseconds to load.
import { fstatSync, writeSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** As much of a stream as the program needs. */
export interface Output {
  /** All is written that was to be; undefined: it is not known. */
  readonly isWritten?: boolean;
  write(text: string): unknown;
  on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
}

export class StandardOutput implements Output {
  readonly #fd: 1 | 2;
  readonly #listeners: ((error: NodeJS.ErrnoException) => void)[] = [];
  #stream: Writable | undefined;

  constructor(fd: 1 | 2) {
    this.#fd = fd;
  }

  /** All is written that was to be. */
  get isWritten(): boolean {
    return this.#stream === undefined;
  }

  get isTerminal(): boolean {
    try {
      // What is no such device is no terminal either, and nothing need be loaded to say so.
      return fstatSync(this.#fd).isCharacterDevice() && process.getBuiltinModule('node:tty').isatty(this.#fd);
    } catch {
      return false;
    }
  }

  on(_event: 'error', listener: (error: NodeJS.ErrnoException) => void): void {
    this.#listeners.push(listener);
  }

  write(text: string): void {
    if (this.#stream !== undefined) {
      this.#stream.write(text);
      return;
    }
    let rest = Buffer.from(text);
    try {
      while (rest.length > 0) rest = rest.subarray(writeSync(this.#fd, rest));
    } catch (error) {
      // Somebody has set the descriptor so that it does not block, and the reader is slow.
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') this.#useStream().write(rest);
      else for (const listener of this.#listeners) listener(error as NodeJS.ErrnoException);
    }
  }

  #useStream(): Writable {
    const stream = this.#fd === 1 ? process.stdout : process.stderr;
    for (const listener of this.#listeners) stream.on('error', listener);
    this.#stream = stream;
    return stream;
  }
}
