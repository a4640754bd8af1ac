// list(): the overlay mounts of this mount namespace, in the words of a mount spec.
import { shown } from '../diagnosis/overlay-error.ts';
import type { AnyOverlayOptions, MountAttributes, Propagation } from '../format/mount-spec.ts';
import { bytesToPath } from '../format/path-bytes.ts';
import { call } from '../kernel/call.ts';
import { AT_FDCWD, STATX_TYPE } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type OverlayEntry, readOverlayTable, type TableSource } from '../kernel/mount-table.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { endsInEmptyLower } from './empty-lower.ts';

/** A layer that the mount table shows in a way that does not lead to it. */
export interface UnknownLayer {
  readonly option: 'lower' | 'data' | 'upper' | 'work';
  readonly index?: number;
  readonly shown: string;
  /** Why it does not lead there. */
  readonly reason: string;
}

/** A path as text where it is UTF-8, as bytes where it is not. */
export type ListedPath = string | Buffer;

/** An overlay mount, as the kernel shows it. */
export interface OverlayMount {
  /** As in /proc/self/mountinfo. */
  readonly id: number;
  readonly parentId: number;
  readonly target: ListedPath;
  readonly source: string;
  /** Top first. The empty directory that makes a view of one lower possible is left out. */
  readonly lower: readonly ListedPath[];
  readonly data: readonly ListedPath[];
  readonly upper?: ListedPath;
  readonly work?: ListedPath;
  /** What differs from the kernel's defaults. */
  readonly options: AnyOverlayOptions;
  readonly attributes: MountAttributes;
  readonly propagation: Propagation;
  /** The filesystem is read-only, whatever the mount's attributes say. */
  readonly readOnly: boolean;
  /** The directory of the overlay that is mounted; other than `/` for a bind mount of a part. */
  readonly root: ListedPath;
  /** Layers that cannot be found again by what is shown. */
  readonly unknown: readonly UnknownLayer[];
}

const BY_NUMBER = /^\/(?:proc\/(?:self|thread-self|\d+)|dev)\/fd\/\d+/;

function doubt(path: Buffer): string | undefined {
  const text = shown(path);
  if (!text.startsWith('/')) return 'it is relative to a directory that only the mounting process knew';
  if (BY_NUMBER.test(text)) return 'it was a descriptor of the mounting process';
  if (text === '/') return 'it is the root directory, or a mount that is attached nowhere: both are shown so';
  if (text.endsWith('//deleted') || text.endsWith(' (deleted)')) return 'the directory has been removed';
  return undefined;
}

function* exists(path: Buffer): Routine<boolean> {
  try {
    yield* call('statx', AT_FDCWD, path, 0, STATX_TYPE);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

// A name with a backslash can be read in two ways; the one that exists is meant.
function* reading(path: Buffer | undefined, other: Buffer | undefined): Routine<Buffer | undefined> {
  if (path === undefined || other === undefined || (yield* exists(path))) return path;
  return (yield* exists(other)) ? other : path;
}

function* describe(entry: OverlayEntry): Routine<OverlayMount> {
  const { overlay } = entry;
  const upper = yield* reading(overlay.upper, overlay.otherUpper);
  const work = yield* reading(overlay.work, overlay.otherWork);
  const isView = upper === undefined && overlay.data.length === 0 && endsInEmptyLower(overlay.lower);
  const lower = isView ? overlay.lower.slice(0, 1) : overlay.lower;
  const unknown: UnknownLayer[] = [];
  const note = (option: UnknownLayer['option'], path: Buffer, index?: number) => {
    const reason = doubt(path);
    if (reason === undefined) return;
    unknown.push({ option, ...(index === undefined ? {} : { index }), shown: shown(path), reason });
  };
  lower.forEach((path, index) => {
    note('lower', path, index);
  });
  overlay.data.forEach((path, index) => {
    note('data', path, index);
  });
  if (upper !== undefined) note('upper', upper);
  if (work !== undefined) note('work', work);
  return {
    id: entry.id,
    parentId: entry.parentId,
    target: bytesToPath(entry.target),
    source: shown(entry.source),
    lower: lower.map(bytesToPath),
    data: overlay.data.map(bytesToPath),
    ...(upper === undefined ? {} : { upper: bytesToPath(upper) }),
    ...(work === undefined ? {} : { work: bytesToPath(work) }),
    options: overlay.options,
    attributes: entry.attributes,
    propagation: entry.propagation,
    readOnly: overlay.readOnly,
    root: bytesToPath(entry.root),
    unknown,
  };
}

/** The body of list; `source` forces where the table is read from. */
export function* listRoutine(source?: TableSource): Routine<OverlayMount[]> {
  const mounts: OverlayMount[] = [];
  for (const entry of yield* readOverlayTable(source)) mounts.push(yield* describe(entry));
  return mounts;
}

/** The overlay mounts of this mount namespace. Source: statmount(2), proc_pid_mountinfo(5). */
export async function list(): Promise<OverlayMount[]> {
  return await runAsync(listRoutine());
}

/** {@link list} without a promise. */
export function listSync(): OverlayMount[] {
  return runSync(listRoutine());
}
