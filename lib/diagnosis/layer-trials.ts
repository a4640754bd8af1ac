// Layers that the kernel, asked for each without the others, does not take: on contexts and mounts that are dropped again.
import { call, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  FSOPEN_CLOEXEC,
  O_DIRECTORY,
  O_PATH,
  OVERLAYFS_SUPER_MAGIC,
  procPath,
} from '../kernel/constants.ts';
import { EINVAL } from '../kernel/errno.ts';
import { closePlace, openDetachedPlace, type Place } from '../kernel/features/place.ts';
import { addTrial, lowersOf } from '../kernel/features/trial.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { LOG, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import type { Directory } from './subject.ts';

export interface RefusedLayer {
  readonly subject: Directory;
  /** `filesystem`: not even as a layer named; `depth`: an overlay over it and an empty directory is refused. */
  readonly as: 'filesystem' | 'depth';
  /** The kernel's own, if it said any. */
  readonly words: string;
}

// linux/magic.h and the drivers' own: ext4, xfs, btrfs, tmpfs, ramfs, squashfs, erofs, overlay, FUSE, NFS, sysfs, proc.
const USUAL: readonly number[] = [
  0xef53,
  0x58465342,
  0x9123683e,
  0x01021994,
  0x858458f6,
  0x73717368,
  0xe0f5e1e2,
  OVERLAYFS_SUPER_MAGIC,
  0x65735546,
  0x6969,
  0x62656572,
  0x9fa0,
];

// The root directory first: when that is refused too, the form is, and nothing is known.
function* refusedByName(fd: number): Routine<string | undefined> {
  const asked = function* (path: string): Routine<KernelError | undefined> {
    const program = new Program();
    const context = program.add('fsopen', LOG, 'overlay', FSOPEN_CLOEXEC);
    program.add('fsconfig_set_string', 0, context, 'lowerdir', path);
    return yield* program.refusal();
  };
  const error = yield* asked(procPath(fd));
  if (error?.errno !== -EINVAL || error.step !== 1) return undefined;
  if ((yield* asked('/')) !== undefined) return undefined;
  return error.log.replace(/^[ewi] /gm, '');
}

function* refusedByDepth(place: Place, fd: number): Routine<boolean> {
  const over = function* (lower: string): Routine<KernelError | undefined> {
    const program = new Program();
    addTrial(program, place, { lower, upper: false });
    return yield* program.refusal();
  };
  const error = yield* over(`${procPath(fd)}:${place.path}/bottom`);
  return error?.errno === -EINVAL && (yield* over(lowersOf(place))) === undefined;
}

const isOverlay = ({ filesystem }: DirectoryFacts) => filesystem.type === OVERLAYFS_SUPER_MAGIC;

// An overlay as upper is refused for what it is, and a mount that cannot be cloned for that.
function isAskedOf(looked: DirectoryFacts): boolean {
  const { filesystem, flags } = looked;
  if (!isOverlay(looked)) return !USUAL.includes(filesystem.type) || flags.casefold === true;
  return looked.cloneErrno === 0 && ['lower', 'data'].includes(looked.subject.option);
}

function* refusalOf(looked: DirectoryFacts): Routine<RefusedLayer | undefined> {
  const { subject } = looked;
  const overlay = isOverlay(looked);
  const fd = yield* call('openat', subject.fd ?? AT_FDCWD, subject.absolute ?? '.', O_PATH | O_DIRECTORY, 0);
  try {
    if (!overlay) {
      const words = yield* refusedByName(fd);
      if (words !== undefined) return { subject, as: 'filesystem', words };
    }
    const place = yield* openDetachedPlace();
    try {
      return (yield* refusedByDepth(place, fd)) ? { subject, as: 'depth', words: '' } : undefined;
    } finally {
      yield* closePlace(place);
    }
  } finally {
    close(fd);
  }
}

/**
 * Only of filesystems that are not known to be taken, and of overlays: of each filesystem one layer, the first. None where
 * it cannot be asked.
 */
export function* findRefusedLayers(layers: readonly DirectoryFacts[]): Routine<RefusedLayer[]> {
  const refused: RefusedLayer[] = [];
  const asked = new Set<string>();
  for (const looked of layers.filter(isAskedOf)) {
    const { major, minor } = looked.stat.device;
    if (asked.has(`${major}:${minor}`)) continue;
    asked.add(`${major}:${minor}`);
    try {
      const found = yield* refusalOf(looked);
      if (found !== undefined) refused.push(found);
    } catch (error) {
      // No privilege, no fsopen(2), or it is gone by now: nothing is known.
      if (!(error instanceof KernelError)) throw error;
    }
  }
  return refused;
}
