// errno numbers and their names, also those that node:util does not know.
import { getSystemErrorName } from 'node:util';

// Those that a file system or the addon may give (errno(3)).
const unknownToNode: Readonly<Record<number, string>> = {
  8: 'ENOEXEC',
  10: 'ECHILD',
  15: 'ENOTBLK',
  33: 'EDOM',
  35: 'EDEADLK',
  37: 'ENOLCK',
  62: 'ETIME',
  66: 'EREMOTE',
  67: 'ENOLINK',
  72: 'EMULTIHOP',
  74: 'EBADMSG',
  77: 'EBADFD',
  87: 'EUSERS',
  115: 'EINPROGRESS',
  116: 'ESTALE',
  117: 'EUCLEAN',
  122: 'EDQUOT',
  123: 'ENOMEDIUM',
  124: 'EMEDIUMTYPE',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  128: 'EKEYREVOKED',
  129: 'EKEYREJECTED',
  133: 'EHWPOISON',
};

/** The name of a positive errno, such as 'ENOENT'; 'errno 999' for one that has none. */
export function errnoName(errno: number): string {
  const extra = unknownToNode[errno];
  if (extra !== undefined) return extra;
  try {
    const name = getSystemErrorName(-errno);
    return name.startsWith('Unknown') ? `errno ${errno}` : name;
  } catch {
    return `errno ${errno}`;
  }
}

// The numbers are the same on every architecture that is built for.
export const EPERM = 1;
export const ENOENT = 2;
export const ESRCH = 3;
export const EINTR = 4;
export const EIO = 5;
export const ENXIO = 6;
export const E2BIG = 7;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EACCES = 13;
export const EBUSY = 16;
export const EEXIST = 17;
export const EMLINK = 31;
export const EXDEV = 18;
export const ENODEV = 19;
export const ENOTDIR = 20;
export const EISDIR = 21;
export const EINVAL = 22;
export const ENFILE = 23;
export const EMFILE = 24;
export const ENOTTY = 25;
export const ETXTBSY = 26;
export const ENOSPC = 28;
export const EROFS = 30;
export const ENAMETOOLONG = 36;
export const ENOSYS = 38;
export const ENOTEMPTY = 39;
export const ELOOP = 40;
export const EOVERFLOW = 75;
export const EMSGSIZE = 90;
export const EOPNOTSUPP = 95;
export const ENOTCONN = 107;
export const ETIMEDOUT = 110;
export const ESTALE = 116;
export const EDQUOT = 122;
export const ECANCELED = 125;
