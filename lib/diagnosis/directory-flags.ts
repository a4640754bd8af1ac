// What only ioctl(2) tells of a directory: whether it compares names without case, and which project its entries get.
import { HOST_IS_LITTLE_ENDIAN } from '../format/statmount.ts';
import {
  FS_CASEFOLD_FL,
  FS_IOC_FSGETXATTR,
  FS_IOC_GETFLAGS,
  FS_XFLAG_PROJINHERIT,
  O_DIRECTORY,
  O_RDONLY,
} from '../kernel/constants.ts';
import { EACCES } from '../kernel/errno.ts';
import { MAY_FAIL, type Program, WANT } from '../kernel/program.ts';

export interface DirectoryFlags {
  /** chattr +F; undefined when the filesystem does not tell. */
  readonly casefold: boolean | undefined;
  /** The project that it demands of its entries and gives to new ones (chattr +P); undefined when it does neither. */
  readonly project: number | undefined;
  /** Whether this user may list it; undefined when that is not known. */
  readonly readable: boolean | undefined;
}

export const NO_FLAGS: DirectoryFlags = { casefold: undefined, project: undefined, readable: undefined };

function wordAt(bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset, HOST_IS_LITTLE_ENDIAN);
}

/** The project in struct fsxattr (linux/fs.h), when it is passed on to entries. */
export function projectIn(fsxattr: Uint8Array): number | undefined {
  return wordAt(fsxattr, 0) & FS_XFLAG_PROJINHERIT ? wordAt(fsxattr, 12) : undefined;
}

/** Steps of a program that look at an open directory. */
export interface FlagSteps {
  readonly fd: number;
  readonly flags: number;
  readonly fsxattr: number;
}

/** @param directory a descriptor, or the step that gives one */
export function addFlags(program: Program, directory: number): FlagSteps {
  const fd = program.add('openat', MAY_FAIL, directory, '.', O_RDONLY | O_DIRECTORY, 0);
  return {
    fd,
    flags: program.add('ioctl', MAY_FAIL | WANT, fd, FS_IOC_GETFLAGS, Buffer.alloc(8)),
    fsxattr: program.add('ioctl', MAY_FAIL | WANT, fd, FS_IOC_FSGETXATTR, Buffer.alloc(28)),
  };
}

/** What they have found when the program has run; nothing is known of a directory that cannot be read. */
export function flagsIn(program: Program, steps: FlagSteps): DirectoryFlags {
  const [flags, fsxattr] = [program.bytes(steps.flags), program.bytes(steps.fsxattr)];
  const errno = program.value(steps.fd);
  return {
    casefold: flags === undefined ? undefined : (wordAt(flags, 0) & FS_CASEFOLD_FL) !== 0,
    project: fsxattr === undefined ? undefined : projectIn(fsxattr),
    readable: errno === -EACCES ? false : errno < 0 ? undefined : true,
  };
}
