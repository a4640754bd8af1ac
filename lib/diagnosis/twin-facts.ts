// Lowers whose filesystems have one and the same UUID, so that the driver cannot tell whose file handle is whose.
import { call, close } from '../kernel/call.ts';
import { AT_FDCWD, FS_IOC_GETFSUUID, O_DIRECTORY, O_RDONLY } from '../kernel/constants.ts';
import { ENOTTY } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import type { Directory } from './subject.ts';

/** struct fsuuid2 of linux/fs.h: a length, and up to 16 bytes. */
const FSUUID2 = 17;
const NULL_UUID = Buffer.alloc(FSUUID2 - 1).toString('hex');

/** The UUID in hexadecimal, zeroes where there is none; undefined when it cannot be asked for. */
function* uuidOf({ fd, absolute }: Directory): Routine<string | undefined | 'none'> {
  try {
    const dir = yield* call('openat', fd ?? AT_FDCWD, absolute ?? '.', O_RDONLY | O_DIRECTORY, 0);
    try {
      const [length, ...uuid] = yield* call('ioctl', dir, FS_IOC_GETFSUUID, Buffer.alloc(FSUUID2));
      return length === 0 ? 'none' : Buffer.from(uuid).toString('hex');
    } finally {
      close(dir);
    }
  } catch (error) {
    // A filesystem without one answers so, and a kernel before Linux 6.9 for all of them.
    if (error instanceof KernelError) return error.errno === -ENOTTY ? 'none' : undefined;
    throw error;
  }
}

/** The first two layers of different filesystems with the same UUID, or both without; undefined when there are none. */
export function* findTwins(
  layers: readonly DirectoryFacts[],
): Routine<readonly [Directory, Directory] | undefined> {
  const first = new Map<string, DirectoryFacts>();
  for (const looked of layers) {
    if (looked.mount === undefined) continue;
    const { major, minor } = looked.mount;
    if (!first.has(`${major}:${minor}`)) first.set(`${major}:${minor}`, looked);
  }
  if (first.size < 2) return undefined;
  const met = new Map<string, Directory>();
  for (const { subject } of first.values()) {
    const uuid = yield* uuidOf(subject);
    if (uuid === undefined) continue;
    const key = uuid === 'none' ? NULL_UUID : uuid;
    const other = met.get(key);
    if (other !== undefined && (uuid !== 'none' || (yield* isAnswered()))) return [other, subject];
    met.set(key, subject);
  }
  return undefined;
}

// Whether this kernel tells of any: sysfs has had one ever since it can.
function* isAnswered(): Routine<boolean> {
  const uuid = yield* uuidOf({ option: 'lower', absolute: '/sys' });
  return uuid !== undefined && uuid !== 'none';
}
