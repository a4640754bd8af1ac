// All that is looked at to explain a mount: its directories, its work directory's content, the caller, the mount table.

import { dialectOf } from '../format/asked-options.ts';
import type { MountAttributes } from '../format/mount-spec.ts';
import { type MountinfoEntry, parseMountinfo } from '../format/mountinfo.ts';
import type { Parameter } from '../format/options.ts';
import { OVERLAYFS_SUPER_MAGIC } from '../kernel/constants.ts';
import { ETIMEDOUT } from '../kernel/errno.ts';
import { CALLER_FILES, type Caller, callerIn } from '../kernel/features/caller.ts';
import { readFiles } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { userNamespace } from '../kernel/user-namespace.ts';
import { type DescriptorFacts, lookAtDescriptors } from './descriptor-facts.ts';
import { type DirectoryFacts, lookAtDirectories, type MissingDirectory } from './directory-facts.ts';
import { DRIVER_FILE, driverIn, isOn, parameterFile } from './driver-facts.ts';
import { findWithoutHandles } from './handle-facts.ts';
import { type IndexContent, lookAtIndexContent, NO_INDEX } from './index-content.ts';
import { findRefusedLayers, type RefusedLayer } from './layer-trials.ts';
import { findRefusedOptions, type RefusedOption } from './option-facts.ts';
import { answering, findSilent, type SilentPlace } from './silent-places.ts';
import type { Directory } from './subject.ts';
import { findTwins } from './twin-facts.ts';
import { INDEX_FILE, lookAtUpper, NO_UPPER, type UpperFacts } from './upper-facts.ts';
import { lookForRoom, ROOM_TO_WORK, type WorkFacts } from './work-facts.ts';

/** A mount as it was asked for, in the words of this floor. */
export interface AskedMount {
  readonly lower: readonly Directory[];
  readonly data: readonly Directory[];
  readonly upper: Directory | undefined;
  readonly work: Directory | undefined;
  readonly target: Directory | undefined;
  readonly parameters: readonly Parameter[];
  readonly attributes?: MountAttributes;
  /** What the caller insists on, so that it is done before the kernel looks. */
  readonly trustVolatile?: boolean;
  readonly changeLower?: boolean;
  /** By which family of calls. */
  readonly via?: 'auto' | 'fsopen' | 'mount';
  /** `true`: made in a user namespace of its own. */
  readonly rootless?: boolean | 'auto';
}

export type Looked = DirectoryFacts | MissingDirectory;

export interface MountFacts {
  readonly asked: AskedMount;
  readonly lower: readonly Looked[];
  readonly data: readonly Looked[];
  readonly upper: Looked | undefined;
  readonly work: Looked | undefined;
  readonly target: Looked | undefined;
  readonly upperFacts: UpperFacts;
  readonly room: WorkFacts;
  /** Layers that the kernel refused when it was asked for them without the others. */
  readonly refusedLayers: readonly RefusedLayer[];
  /** The layers without file handles, which index and nfs_export need; looked for when those are asked for. */
  readonly withoutHandles: readonly Directory[];
  /** Two lowers that the driver cannot tell apart by their filesystem's UUID; looked for when an index is asked for. */
  readonly twins: readonly [Directory, Directory] | undefined;
  /** Where an index is to be; looked at when one is asked for, or the default. */
  readonly index: IndexContent;
  readonly refusedOptions: readonly RefusedOption[];
  readonly descriptors: DescriptorFacts;
  readonly caller: Caller;
  /** /proc/filesystems lists the overlay driver; undefined when it cannot be read. */
  readonly driver: boolean | undefined;
  /** The module's parameter redirect_always_follow: redirect_dir=off means follow. */
  readonly followsAlways: boolean;
  readonly mounts: readonly MountinfoEntry[];
  /** The directories that were not looked at, since nobody answers there. */
  readonly silent: readonly SilentPlace[];
  /** fs.mount-max, and how many mounts this namespace has. */
  readonly mountLimit: number | undefined;
}

/** Whether a directory could be looked at. */
export function isThere(looked: Looked | undefined): looked is DirectoryFacts {
  return looked !== undefined && !('errno' in looked);
}

// Who mounts: in a user namespace it is this process with all capabilities that one can have there.
function callerOf({ rootless }: AskedMount, caller: Caller): Caller {
  return rootless === true ? { ...caller, capSysAdmin: true, initialUserNamespace: false } : caller;
}

const MACHINE = [
  ...CALLER_FILES,
  DRIVER_FILE,
  INDEX_FILE,
  '/proc/self/limits',
  '/proc/sys/fs/mount-max',
  parameterFile('redirect_always_follow'),
] as const;

/** Where this namespace has its mounts; none when that cannot be read. */
export function* readMounts(): Routine<MountinfoEntry[]> {
  const [table] = yield* readFiles(['/proc/self/mountinfo'], 8);
  return table === undefined ? [] : parseMountinfo(table);
}

// On something read-only, or an overlay, there is more to say.
function* lookWhereToWork(
  upper: Looked | undefined,
  beside: boolean,
  work: Looked | undefined,
): Routine<WorkFacts> {
  const where = beside ? upper : work;
  if (!isThere(where) || where.readOnly || where.filesystem.type === OVERLAYFS_SUPER_MAGIC)
    return ROOM_TO_WORK;
  return yield* lookForRoom(where.subject, beside ? '..' : '.', where.filesystem);
}

/** All of them. */
export function directoriesOf({ lower, data, upper, work, target }: AskedMount): Directory[] {
  return [...lower, ...data, upper, work, target].filter((directory) => directory !== undefined);
}

/** What has to be known before anything else is looked at. */
export interface Surroundings {
  readonly mounts: readonly MountinfoEntry[];
  readonly silent: readonly SilentPlace[];
}

/** @param directories all that will be looked at */
export function* lookAround(directories: readonly (Directory | undefined)[]): Routine<Surroundings> {
  const mounts = yield* readMounts();
  const given = directories.filter((directory) => directory !== undefined);
  return { mounts, silent: yield* findSilent(given, mounts) };
}

/** Where the mount is made when it is made without root; undefined when it is made here, or there is no such place. */
export function* placeOfMount({ rootless }: AskedMount): Routine<number | undefined> {
  if (rootless !== true) return undefined;
  try {
    return yield* userNamespace();
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/**
 * Looks once at everything; what cannot be looked at is missing from the facts.
 *
 * @param around absent: it is looked at here
 */
export function* lookAtMount(asked: AskedMount, around?: Surroundings): Routine<MountFacts> {
  const { mounts, silent } = around ?? (yield* lookAround(directoriesOf(asked)));
  const [status, uidMap, filesystems, index, limits, mountMax, follow] = yield* readFiles(MACHINE);
  const { lower, data, upper, work, target } = asked;
  const all = directoriesOf(asked);
  const looked = yield* lookAtDirectories(answering(all, silent), mounts);
  const factsOf = (directory: Directory | undefined): Looked | undefined =>
    directory &&
    (looked.find(({ subject }) => subject === directory) ?? { subject: directory, errno: ETIMEDOUT });
  const [lookedUpper, lookedWork] = [factsOf(upper), factsOf(work)];
  const namespace = yield* placeOfMount(asked);
  const answeringWork = isThere(lookedWork) ? work : undefined;
  const upperFacts = isThere(lookedUpper)
    ? yield* lookAtUpper(lookedUpper, answeringWork, asked.parameters, index, namespace)
    : NO_UPPER;
  const indexed = upperFacts.remembered.compared;
  return {
    asked,
    lower: lower.map((directory) => factsOf(directory)!),
    data: data.map((directory) => factsOf(directory)!),
    upper: lookedUpper,
    work: lookedWork,
    target: factsOf(target),
    upperFacts,
    twins: indexed
      ? yield* findTwins([...lower, ...data].map((directory) => factsOf(directory)!).filter(isThere))
      : undefined,
    index:
      indexed && answeringWork
        ? yield* lookAtIndexContent(answeringWork, dialectOf(asked.parameters))
        : NO_INDEX,
    room: yield* lookWhereToWork(lookedUpper, work === undefined, lookedWork),
    refusedLayers: yield* findRefusedLayers(
      looked.filter(({ subject }) => subject !== target).filter(isThere),
    ),
    withoutHandles: yield* findWithoutHandles(
      answering(
        all.filter((directory) => directory !== work && directory !== target),
        silent,
      ),
      asked.parameters,
    ),
    refusedOptions: yield* findRefusedOptions(asked.parameters, namespace),
    descriptors: yield* lookAtDescriptors(limits),
    caller: callerOf(asked, callerIn(status, uidMap)),
    driver: driverIn(filesystems),
    followsAlways: isOn(follow),
    mounts,
    silent,
    mountLimit: mountMax && Number(mountMax.toString()),
  };
}
