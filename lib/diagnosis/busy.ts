// Who keeps a mount busy: processes that have something open in it, and mounts on top of it.
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { parseMountinfo } from '../format/mountinfo.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC } from '../kernel/constants.ts';
import { readIfPossible } from '../kernel/files.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import { mountIdIn, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import { shown } from './overlay-error.ts';

/** A process, and by what it keeps the mount: `cwd`, `root`, `exe`, `fd 5`, `mapped file`. */
export interface Holder {
  readonly pid: number;
  readonly command: string;
  readonly by: readonly string[];
}

export interface Busy {
  readonly holders: readonly Holder[];
  /** Mount points of what is mounted in it. */
  readonly children: readonly string[];
  /** False when some processes could not be looked at. */
  readonly complete: boolean;
}

const PROGRAM_STEPS = 400;

function* names(directory: string): Routine<string[] | undefined> {
  try {
    return yield* wait({ now: () => readdirSync(directory), later: () => readdir(directory) });
  } catch {
    return undefined;
  }
}

interface Place {
  readonly pid: number;
  readonly by: string;
  readonly path: string;
}

function* placesOf(pid: number): Routine<{ places: Place[]; complete: boolean }> {
  const places = ['cwd', 'root', 'exe'].map((by): Place => ({ pid, by, path: `/proc/${pid}/${by}` }));
  const fds = yield* names(`/proc/${pid}/fd`);
  const maps = yield* names(`/proc/${pid}/map_files`);
  for (const fd of fds ?? []) places.push({ pid, by: `fd ${fd}`, path: `/proc/${pid}/fd/${fd}` });
  for (const map of maps ?? []) {
    places.push({ pid, by: 'mapped file', path: `/proc/${pid}/map_files/${map}` });
  }
  return { places, complete: fds !== undefined && maps !== undefined };
}

function* onMount(places: readonly Place[], mountId: Uint8Array): Routine<Place[]> {
  const found: Place[] = [];
  for (let start = 0; start < places.length; start += PROGRAM_STEPS) {
    const batch = places.slice(start, start + PROGRAM_STEPS);
    const program = new Program();
    const mask = STATX_BEST_MNT_ID;
    const steps = batch.map(({ path }) =>
      // Never ask a server: what it would say is not needed (statx(2)).
      program.add('statx', WANT | MAY_FAIL, AT_FDCWD, path, AT_STATX_DONT_SYNC, mask),
    );
    yield* program.run();
    batch.forEach((place, i) => {
      const statx = program.bytes(steps[i]!);
      if (statx !== undefined && mountIdIn(statx).equals(mountId)) found.push(place);
    });
  }
  return found;
}

function* childrenOf(target: Uint8Array): Routine<string[]> {
  const text = yield* readIfPossible('/proc/self/mountinfo');
  const mounts = text === undefined ? [] : parseMountinfo(text);
  const here = mounts.findLast((mount) => mount.target.equals(target));
  return mounts.filter((mount) => mount.parentId === here?.id).map((mount) => shown(mount.target));
}

/**
 * Looks through /proc. Source: proc(5).
 *
 * @param mountId 8 bytes, as struct statx has it
 * @param target as mountinfo has it
 */
export function* findBusy(mountId: Uint8Array, target: Uint8Array): Routine<Busy> {
  const pids = ((yield* names('/proc')) ?? []).filter((name) => /^\d+$/.test(name)).map(Number);
  const places: Place[] = [];
  let complete = true;
  for (const pid of pids) {
    const found = yield* placesOf(pid);
    places.push(...found.places);
    complete &&= found.complete;
  }
  const uses = yield* onMount(places, mountId);
  const holders: Holder[] = [];
  for (const pid of new Set(uses.map((use) => use.pid))) {
    const command = (yield* readIfPossible(`/proc/${pid}/comm`))?.toString().trimEnd() ?? '?';
    const by = new Set(uses.filter((use) => use.pid === pid).map((use) => use.by));
    holders.push({ pid, command, by: [...by] });
  }
  return { holders, children: yield* childrenOf(target), complete };
}

/** The same in a sentence's end: `process 12 (bash: cwd), a mount at "/m/x"`. */
export function busyText({ holders, children, complete }: Busy): string {
  const parts = holders.map(({ pid, command, by }) => `process ${pid} (${command}: ${by.join(', ')})`);
  parts.push(...children.map((target) => `a mount at ${JSON.stringify(target)}`));
  if (parts.length > 0) return parts.join(', ');
  return complete
    ? 'nothing that /proc shows; it may have been let go in the meantime'
    : 'nothing that this user may see in /proc';
}
