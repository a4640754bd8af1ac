// Keeps what is known of the mount table as new as the table, and asks for no more than whether it has changed.
import { hasOverlayOrServed } from '../diagnosis/silent-places.ts';
import { call, callSync } from '../kernel/call.ts';
import { AT_FDCWD, LSMT_ROOT, O_RDONLY } from '../kernel/constants.ts';
import { readFiles } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { LiveUppers } from './live-uppers.ts';
import { inTurn, isTaken } from './turn.ts';

const POLLPRI = 2;

// listmount(2) costs 0.4 µs a mount. From so many on, and where it is missing, mountinfo is kept open: poll(2) of it tells of
// changes since the last one in a third of a microsecond (proc_pid_mounts(5)).
const WATCHED_FROM = 64;

// Undefined: not opened; null: it cannot be.
let mountinfo: number | undefined | null;
// Something has changed, and is not read yet.
let stale = true;

function* watch({ ids }: LiveUppers): Routine<void> {
  if (mountinfo !== undefined || (ids !== undefined && ids.length < WATCHED_FROM * 8)) return;
  try {
    mountinfo = yield* call('openat', AT_FDCWD, '/proc/self/mountinfo', O_RDONLY, 0);
    // What changed before that it does not tell.
    stale = true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    mountinfo = null;
  }
}

// On this thread: the answer is given once, and must not get lost between two jobs of the pool.
function hasChanged(): boolean {
  if (typeof mountinfo !== 'number') return true;
  try {
    return callSync('poll', mountinfo, POLLPRI).some((byte) => byte !== 0);
  } catch (error) {
    if (error instanceof KernelError) return true;
    throw error;
  }
}

// The question whether there are others than these, written once for all mounts that ask.
let question: { readonly ids: Buffer; readonly program: Program } | undefined;

function questionOf(ids: Buffer): Program {
  if (question?.ids === ids) return question.program;
  const program = new Program().repeating();
  // One more than is known: a full answer then holds an unknown mount for certain.
  const listed = program.add('listmount', 0, LSMT_ROOT, 0, ids.length / 8 + 1);
  program.add('require_subset', 0, program.bytesOf(listed), ids);
  question = { ids, program };
  return program;
}

// Mounts that only went leave the table as it is known.
function isKnown({ ids }: LiveUppers): boolean {
  if (ids === undefined || ids.length === 0) return false;
  try {
    questionOf(ids).now();
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

// True when there is nothing to read; what changes from then on is a change again.
function isFresh(live: LiveUppers): boolean {
  if (hasChanged()) stale = true;
  if (stale && isKnown(live)) stale = false;
  return !stale;
}

function* refreshStale(live: LiveUppers): Routine<void> {
  if (isFresh(live)) return;
  stale = false;
  try {
    yield* live.refresh();
    yield* watch(live);
  } catch (error) {
    stale = true;
    throw error;
  }
}

/** Whether there is nothing to read, nor somebody who reads. */
export function isUpToDate(live: LiveUppers): boolean {
  return !isTaken() && isFresh(live);
}

/** Many at once share what the first of them reads. */
export function* bringUpToDate(live: LiveUppers): Routine<void> {
  if (!isUpToDate(live)) yield* inTurn(refreshStale(live));
}

let asked = false;

/**
 * Whether no overlay is mounted, and nothing that somebody else answers for. Asked once, for the first mount of a thread:
 * to learn the whole table costs a millisecond then, and pays off from the second one on.
 *
 * @param given mountinfo, where it has been read for something else just now
 */
export function* isPlainAtFirst(given?: Buffer): Routine<boolean> {
  if (asked) return false;
  asked = true;
  const [text] = given === undefined ? yield* readFiles(['/proc/self/mountinfo'], 2) : [given];
  return text !== undefined && !hasOverlayOrServed(text);
}
