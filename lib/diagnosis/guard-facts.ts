// What is looked at for the guards: the directories that live overlays write to, and whose notes the upper has.

import { dialectOf } from '../format/asked-options.ts';
import type { MountinfoEntry } from '../format/mountinfo.ts';
import type { Parameter } from '../format/options.ts';
import { call } from '../kernel/call.ts';
import { O_PATH } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import { lookAtDirectories } from './directory-facts.ts';
import type { GuardFacts, LiveDirectory, LiveReader } from './guard-rules.ts';
import { type AskedMount, isThere, placeOfMount } from './mount-facts.ts';
import { answering, findSilentServed, isServed, OTHERS_PATIENCE } from './silent-places.ts';
import type { Directory } from './subject.ts';
import { withDirectory } from './upper-facts.ts';
import { lookForVolatile } from './volatile-facts.ts';

/** A directory that a live overlay writes to, by its path or as a descriptor. */
export interface LiveSource extends Directory {
  readonly option: 'upper' | 'work';
  /** Where that overlay is mounted; absent: a detached one of this process. */
  readonly target?: Uint8Array;
}

// All are open at a time.
const BATCH = 64;

function* lookAtLive(
  sources: readonly LiveSource[],
  mounts: readonly MountinfoEntry[],
): Routine<LiveDirectory[]> {
  const live: LiveDirectory[] = [];
  for (let start = 0; start < sources.length; start += BATCH) {
    const batch = sources.slice(start, start + BATCH);
    const all = yield* lookAtDirectories(batch, mounts);
    for (const [i, looked] of all.entries()) {
      const { option, target } = batch[i]!;
      if (isThere(looked)) live.push({ option, target, looked });
    }
  }
  return live;
}

function* otherDialect(
  upper: Directory,
  parameters: readonly Parameter[],
): Routine<GuardFacts['otherDialect']> {
  const list = yield* withDirectory(upper, '.', O_PATH, (fd) => call('listxattr', fd));
  const names = list?.toString('latin1').split('\0') ?? [];
  const has = (dialect: string) => names.some((name) => name.startsWith(`${dialect}.overlay.`));
  const [mine, other] =
    dialectOf(parameters) === 'user' ? (['user', 'trusted'] as const) : (['trusted', 'user'] as const);
  return has(other) && !has(mine) ? other : undefined;
}

/** @param mounts the mount table, for finding the mount of each */
export function* lookAtGuarded(
  asked: AskedMount,
  sources: readonly LiveSource[],
  mounts: readonly MountinfoEntry[],
  readers: readonly LiveReader[],
): Routine<GuardFacts> {
  const { upper, work, parameters } = asked;
  const silent = yield* findSilentServed(sources, mounts.filter(isServed), mounts, OTHERS_PATIENCE);
  return {
    live: yield* lookAtLive(answering(sources, silent), mounts),
    readers,
    otherDialect: upper && (yield* otherDialect(upper, parameters)),
    volatile:
      upper && (yield* lookForVolatile(upper, work, dialectOf(parameters), yield* placeOfMount(asked))),
  };
}
