// The connection to the guardian of a command: bytes in both directions, until nothing of it runs any more.
import { closeSync, read, writeSync } from 'node:fs';

export interface Hearer {
  heard(bytes: Buffer): void;
  /** The other side has closed. */
  closed(): void;
}

export interface Line {
  /** False when nobody is there any more. */
  write(byte: number): boolean;
  ref(): void;
  unref(): void;
}

/** Takes the descriptor over. */
export type OpenLine = (fd: number, hearer: Hearer) => Line;

/** By the event loop: any number of them at a time. */
export const socketLine: OpenLine = (fd, hearer) => {
  // Loaded with the first one: with all that it needs it takes some milliseconds.
  const { Socket } = process.getBuiltinModule('node:net');
  const socket = new Socket({ fd });
  socket.on('data', (bytes) => hearer.heard(bytes));
  // It comes with the end, when something is written at the same time.
  socket.on('error', () => {});
  socket.on('close', () => hearer.closed());
  return {
    write(byte) {
      if (socket.destroyed || socket.readableEnded) return false;
      socket.write(Buffer.of(byte));
      return true;
    },
    ref: () => void socket.ref(),
    unref: () => void socket.unref(),
  };
};

/** By a thread of the pool, which is taken meanwhile: for a process that has nothing else to do, and starts the sooner. */
export const readingLine: OpenLine = (fd, hearer) => {
  const room = Buffer.alloc(64);
  let open = true;
  const next = (): void =>
    read(fd, room, 0, room.length, null, (error, count) => {
      if (error === null && count > 0) {
        hearer.heard(Buffer.from(room.subarray(0, count)));
        next();
        return;
      }
      open = false;
      closeSync(fd);
      hearer.closed();
    });
  next();
  return {
    write(byte) {
      try {
        return open && writeSync(fd, Buffer.of(byte)) === 1;
      } catch {
        return false; // it has closed, and the read tells so next
      }
    },
    ref: () => {},
    unref: () => {},
  };
};
