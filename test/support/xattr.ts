// Sets and reads extended attributes of a path itself, whatever it is, by descriptors that open nothing.
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_NOFOLLOW, O_PATH } from '../../lib/kernel/constants.ts';

function at<T>(path: string | Uint8Array, use: (fd: number) => T): T {
  const fd = callSync('openat', AT_FDCWD, path, O_PATH | O_NOFOLLOW, 0);
  try {
    return use(fd);
  } finally {
    close(fd);
  }
}

export function setXattr(path: string | Uint8Array, name: string, value: string | Uint8Array): void {
  at(path, (fd) => callSync('setxattr', fd, name, Buffer.from(value as string), 0));
}

export function removeXattr(path: string | Uint8Array, name: string): void {
  at(path, (fd) => callSync('removexattr', fd, name));
}

/** All attributes that this user sees, as latin1 text. */
export function xattrsOf(path: string | Uint8Array): Record<string, string> {
  return at(path, (fd) => {
    const names = callSync('listxattr', fd).toString('latin1').split('\0').slice(0, -1);
    return Object.fromEntries(
      names.map((name) => [name, callSync('getxattr', fd, Buffer.from(name, 'latin1')).toString('latin1')]),
    );
  });
}
