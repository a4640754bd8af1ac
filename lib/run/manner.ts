// How a run is gone about, and what its start gave. Types, and no code.
import type { Socket } from 'node:net';
import type { Routine } from '../kernel/routine.ts';
import type { OpenLine } from './line.ts';

/** How what blocks is done, and how the guardian is listened to. */
export interface Manner {
  settle<T>(routine: Routine<T>): Promise<T>;
  readonly open: OpenLine;
}

/** What start gave. */
export interface RunningParts extends Manner {
  readonly pid: number;
  readonly socket: number;
  readonly streams: readonly (Socket | null)[];
}

export interface RunEvents {
  /** The command has ended; others that it started may not have. */
  exit: [exitCode: number | null, signal: NodeJS.Signals | null];
  /** It has ended, all that it started too, and its streams are closed. */
  close: [exitCode: number | null, signal: NodeJS.Signals | null];
  stop: [signal: NodeJS.Signals];
  continue: [];
}
