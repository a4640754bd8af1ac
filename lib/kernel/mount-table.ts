// The overlay mounts of this mount namespace: from statmount(2) and listmount(2), or from mountinfo where they are missing.
import { fsmountBitsToAttributes } from '../format/attributes.ts';
import type { MountAttributes, Propagation } from '../format/mount-spec.ts';
import { type MountinfoEntry, parseMountinfo, tagsToPropagation } from '../format/mountinfo.ts';
import { describeOverlay, type OverlayDescription } from '../format/overlay-description.ts';
import {
  decodeStatmount,
  flagsToPropagation,
  STATMOUNT_OVERLAY,
  type Statmount,
} from '../format/statmount.ts';
import { call } from './call.ts';
import { AT_FDCWD, AT_STATX_DONT_SYNC, STATX_MNT_ID, STATX_MNT_ID_UNIQUE } from './constants.ts';
import { ENOENT, EOVERFLOW } from './errno.ts';
import { readIfPossible } from './files.ts';
import { KernelError } from './kernel-error.ts';
import { listMountIds, noAnswer, readMountPlaces } from './mount-places.ts';
import { MAY_FAIL, Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';
import { decodeStat } from './stat.ts';

export interface OverlayEntry {
  /** As in mountinfo. */
  readonly id: number;
  readonly parentId: number;
  /**
   * As statx(2) gives it for the mount's root: never used again while the machine runs, since Linux 6.8. Undefined where
   * only mountinfo could be read and the mount is covered by another.
   */
  readonly uniqueId: bigint | undefined;
  readonly target: Buffer;
  readonly source: Buffer;
  readonly attributes: MountAttributes;
  readonly propagation: Propagation;
  readonly device: { readonly major: number; readonly minor: number };
  /** The directory of the overlay that is mounted: not `/` for a bind mount of a part. */
  readonly root: Buffer;
  readonly overlay: OverlayDescription;
}

/** Where the table is read from. */
export type TableSource = 'statmount' | 'mountinfo';

const SMALL_ANSWER = 4096;
// 500 layers of 4,096 bytes, each byte shown as four.
const LARGEST_ANSWER = 16 << 20;

function entryOfStatmount(answer: Statmount): OverlayEntry {
  return {
    id: answer.oldMntId,
    parentId: answer.oldParentId,
    uniqueId: answer.mntId,
    target: answer.target ?? Buffer.alloc(0),
    // statmount says nothing for a source that mountinfo shows as "none".
    source: answer.source ?? Buffer.from('none'),
    attributes: fsmountBitsToAttributes(answer.attributes),
    propagation: flagsToPropagation(answer.propagation),
    device: { major: answer.major, minor: answer.minor },
    root: answer.root ?? Buffer.from('/'),
    overlay: describeOverlay(answer.superOptions ?? Buffer.alloc(0), answer.sbFlags),
  };
}

function entryOfMountinfo(line: MountinfoEntry, uniqueId: bigint | undefined): OverlayEntry {
  return {
    id: line.id,
    parentId: line.parentId,
    uniqueId,
    target: Buffer.from(line.target),
    source: Buffer.from(line.source),
    attributes: line.attributes,
    propagation: tagsToPropagation(line.propagation),
    device: { major: line.major, minor: line.minor },
    root: Buffer.from(line.root),
    overlay: describeOverlay(line.superOptions),
  };
}

/** Asks statmount(2) for what is to be known of an overlay, in so many bytes. */
export type AskStatmount = (id: bigint, mask: number, capacity: number) => Routine<Buffer>;

/**
 * One overlay of the table; undefined when it has gone.
 *
 * @param ask absent: in the mount namespace of this process
 * @throws {KernelError} ENOSYS before Linux 6.11
 */
export function* readOverlay(
  id: bigint,
  ask: AskStatmount = (...args) => call('statmount', ...args),
): Routine<OverlayEntry | undefined> {
  for (let capacity = SMALL_ANSWER; capacity <= LARGEST_ANSWER; capacity *= 8) {
    try {
      const answer = decodeStatmount(yield* ask(id, STATMOUNT_OVERLAY, capacity));
      if (answer.superOptions === undefined) throw noAnswer(id);
      return entryOfStatmount(answer);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.errno === -ENOENT) return undefined;
      if (error.errno !== -EOVERFLOW) throw error;
    }
  }
  return undefined;
}

/** The overlays among these mounts. @throws {KernelError} ENOSYS before Linux 6.11 */
export function* readOverlays(ids: readonly bigint[]): Routine<OverlayEntry[]> {
  const entries: OverlayEntry[] = [];
  for (const { id, isOverlay } of yield* readMountPlaces(ids)) {
    if (!isOverlay) continue;
    const entry = yield* readOverlay(id);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

// Mountinfo has the ids that are used again. The root of the mount, if its path leads there, has both.
function* uniqueIdOf({ id, target }: MountinfoEntry): Routine<bigint | undefined> {
  const program = new Program();
  const [old, unique] = [STATX_MNT_ID, STATX_MNT_ID | STATX_MNT_ID_UNIQUE].map((mask) =>
    program.add('statx', WANT | MAY_FAIL, AT_FDCWD, target, AT_STATX_DONT_SYNC, mask),
  );
  yield* program.run();
  const [here, there] = [program.bytes(old!), program.bytes(unique!)];
  if (here === undefined || there === undefined) return undefined;
  return decodeStat(here).mountId === BigInt(id) ? decodeStat(there).mountId : undefined;
}

function* readMountinfo(): Routine<OverlayEntry[]> {
  const text = yield* readIfPossible('/proc/self/mountinfo');
  const entries: OverlayEntry[] = [];
  for (const line of text === undefined ? [] : parseMountinfo(text, 'overlay')) {
    entries.push(entryOfMountinfo(line, yield* uniqueIdOf(line)));
  }
  return entries;
}

/**
 * All overlay mounts, in the order in which they were mounted as far as the source tells.
 *
 * @param source absent: statmount(2), and mountinfo where the kernel does not have it in full
 */
export function* readOverlayTable(source?: TableSource): Routine<OverlayEntry[]> {
  if (source === 'mountinfo') return yield* readMountinfo();
  try {
    const ids = yield* listMountIds();
    return yield* readOverlays(ids);
  } catch (error) {
    if (!(error instanceof KernelError) || source === 'statmount') throw error;
  }
  return yield* readMountinfo();
}
