// The work directory that a mount without one gets: beside the upper, private, unique, and gone after the unmount.
import { kernelSaysInUse } from '../diagnosis/in-use.ts';
import { type Finding, OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { placeOf, subjectText } from '../diagnosis/subject.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  AT_SYMLINK_NOFOLLOW,
  O_DIRECTORY,
  O_PATH,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { ENOENT } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { pathOf } from '../kernel/path-of.ts';
import { KEEP, MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { removeTree, type TakeOver } from '../kernel/remove-tree.ts';
import type { Routine } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { makePrivateDirectory } from './private-directory.ts';
import type { Layer } from './spec-paths.ts';

const PREFIX = '.overlayfs-work-';
const NAME = /(?:^|\/)(\.overlayfs-work-[0-9a-f]{16})$/;

/** A work directory made for one mount. */
export interface OwnWork {
  /** O_PATH descriptor of the directory that it lies in; ours to close. */
  readonly parent: number;
  readonly name: string;
  readonly layer: Layer;
  /** Goes with the overlay's handle, whatever else still uses the overlay. */
  readonly throwAway?: true;
  /** For what belongs to others in it. */
  readonly takeOver?: TakeOver | undefined;
  /** Its lock, which says that its maker lives; ours to close. */
  readonly lock?: number;
}

function refuseMountRoot(upper: Layer): never {
  throw new OverlayError([
    {
      code: 'ERR_OVERLAY_NO_WORK',
      sentence:
        `${subjectText(upper)} is the root of its mount, so that no work directory can lie beside it: ` +
        'the kernel wants upper and work apart and on one mount',
      hint: 'use a subdirectory as upper, or give work',
      ...placeOf(upper),
    },
  ]);
}

function noPlace(upper: Layer): Finding {
  return {
    code: 'ERR_OVERLAY_NO_WORK',
    sentence: `${subjectText(upper)}: no work directory can be made beside it, since this user may not write there`,
    hint: 'use an upper in a directory of your own, or give work',
    ...placeOf(upper),
  };
}

/** Makes it; the upper exists. @throws {OverlayError} ERR_OVERLAY_NO_WORK; {KernelError} */
export function* makeOwnWork(upper: Layer): Routine<OwnWork> {
  const look = new Program();
  const flags = O_PATH | O_DIRECTORY;
  const dir = look.add('openat', 0, upper.fd ?? AT_FDCWD, upper.absolute ?? '.', flags, 0);
  const up = look.add('openat', KEEP, dir, '..', flags, 0);
  const mask = STATX_INO | STATX_MNT_ID;
  const inner = look.add('statx', WANT, dir, '', AT_EMPTY_PATH, mask);
  const outer = look.add('statx', WANT, up, '', AT_EMPTY_PATH, mask);
  // A filesystem that does not answer is told of before its place.
  look.add('fstatfs', 0, dir);
  yield* look.run();
  const parent = look.value(up);
  try {
    const [upperStat, parentStat] = [inner, outer].map((step) => decodeStat(look.bytes(step)!));
    // The root directory is its own parent.
    const isRoot = upperStat!.inode === parentStat!.inode && upperStat!.mountId === parentStat!.mountId;
    if (isRoot || upperStat!.mountId !== parentStat!.mountId) refuseMountRoot(upper);
    const name = yield* makePrivateDirectory(parent, PREFIX, () => noPlace(upper));
    const beside =
      upper.absolute && Buffer.concat([Buffer.from(upper.absolute as Uint8Array), Buffer.from('/..')]);
    const place = yield* pathOf(parent, beside);
    const absolute = Buffer.concat([place, Buffer.from(`${place.length === 1 ? '' : '/'}${name}`)]);
    return { parent, name, layer: { option: 'work', path: absolute, absolute } };
  } catch (error) {
    close(parent);
    throw error;
  }
}

/** Removes it whatever is in it, and lets its parent go. */
export function* removeOwnWork(work: OwnWork): Routine<void> {
  try {
    yield* removeTree(work.parent, work.name, work.takeOver);
  } finally {
    letGo(work);
  }
}

function letGo({ parent, lock }: OwnWork): void {
  close(parent);
  if (lock !== undefined) close(lock);
}

// The calls that a failed mount comes to when the driver may have begun to fill the work directory.
const FILLING: readonly unknown[] = [
  'fsconfig',
  'fsmount',
  'move_mount',
  'mount_setattr',
  'mount',
  'fstatfs',
  'statx',
];

/** What the driver makes in a work directory. */
export type DriverPart = 'work' | 'index';

/**
 * What a mount that fails may be rid of. An index that was there remembers to whom it belongs, so that it has to be known
 * before the mount; `work` is made anew by every mount.
 */
export function* removableParts(work: Layer): Routine<DriverPart[]> {
  const program = new Program();
  const dir = program.add(
    'openat',
    MAY_FAIL,
    work.fd ?? AT_FDCWD,
    work.absolute ?? '.',
    O_PATH | O_DIRECTORY,
    0,
  );
  const index = program.add('statx', MAY_FAIL, dir, 'index', AT_SYMLINK_NOFOLLOW, STATX_INO);
  yield* program.run();
  return program.value(index) === -ENOENT ? ['work', 'index'] : ['work'];
}

/**
 * Takes back what the driver makes in a work directory before it refuses the mount. Only what is empty, and only where
 * the kernel says that no other overlay uses it.
 */
export function* removeLeftovers(work: Layer, error: unknown, parts: readonly DriverPart[]): Routine<void> {
  if (!(error instanceof OverlayError) || !FILLING.includes(error.syscall)) return;
  try {
    const flags = O_PATH | O_DIRECTORY;
    const look = new Program();
    const dir = look.add('openat', KEEP, work.fd ?? AT_FDCWD, work.absolute ?? '.', flags, 0);
    const there = parts.map((part) => look.add('statx', MAY_FAIL, dir, part, AT_SYMLINK_NOFOLLOW, STATX_INO));
    yield* look.run();
    // Where nothing is, the kernel need not be asked, which costs a millisecond and a line in its log.
    const left = parts.filter((_, i) => look.value(there[i]!) === 0);
    yield* closingAfter(look.value(dir), removeEmptyParts(look.value(dir), left));
  } catch (failure) {
    // It is the mount's own error that counts.
    if (!(failure instanceof KernelError)) throw failure;
  }
}

function* removeEmptyParts(dir: number, parts: readonly DriverPart[]): Routine<void> {
  if (parts.length === 0 || (yield* kernelSaysInUse(dir)) !== false) return;
  const program = new Program();
  for (const part of parts) program.add('unlinkat', MAY_FAIL, dir, part, AT_REMOVEDIR);
  yield* program.run();
}

/** Removes them with all that the driver has put there: it had none of them before. */
export function* removeParts(work: Layer, parts: readonly DriverPart[]): Routine<void> {
  try {
    const flags = O_PATH | O_DIRECTORY;
    const dir = yield* call('openat', work.fd ?? AT_FDCWD, work.absolute ?? '.', flags, 0);
    yield* closingAfter(
      dir,
      (function* () {
        for (const part of parts) yield* removeTree(dir, part);
      })(),
    );
  } catch (failure) {
    // It is the mount's own error that counts.
    if (!(failure instanceof KernelError)) throw failure;
  }
}

function* isInUse({ parent, name }: OwnWork): Routine<boolean> {
  const dir = yield* call('openat', parent, name, O_PATH | O_DIRECTORY, 0);
  return (yield* closingAfter(dir, kernelSaysInUse(dir))) === true;
}

/**
 * removeOwnWork, unless the overlay lives on without the mount that ended: lazily unmounted but busy, or mounted a second time
 * by a bind mount or in another namespace. Then the directory has to stay, since the overlay could not write without it.
 */
export function* removeIdleWork(work: OwnWork): Routine<void> {
  try {
    if (work.throwAway || !(yield* isInUse(work))) yield* removeTree(work.parent, work.name, work.takeOver);
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -ENOENT) throw error;
  } finally {
    letGo(work);
  }
}

function* closingAfter<T>(fd: number, body: Routine<T>): Routine<T> {
  try {
    return yield* body;
  } finally {
    close(fd);
  }
}

/**
 * Removes the work directory of a mount that some process has made and another ends, if it is one of ours: by its name.
 * Gone already is well.
 */
export function* removeWorkByPath(path: Uint8Array): Routine<void> {
  const name = NAME.exec(shown(path))?.[1];
  if (name === undefined) return;
  const parent = Buffer.from(path).subarray(0, path.length - name.length);
  try {
    const fd = yield* call('openat', AT_FDCWD, parent, O_PATH | O_DIRECTORY, 0);
    yield* removeIdleWork({ parent: fd, name, layer: { option: 'work', path } });
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -ENOENT) throw error;
  }
}
