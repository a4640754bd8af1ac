// A new file that has its name when it is whole and on the disk, and is not there otherwise.
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, lstat, open, unlink } from 'node:fs/promises';
import type { PathLike } from '../format/mount-spec.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { callAsync } from '../kernel/call.ts';
import { AT_FDCWD, RENAME_NOREPLACE } from '../kernel/constants.ts';
import { EEXIST, ENOENT } from '../kernel/errno.ts';
import { readEntryPath } from '../layer/given-path.ts';
import { isFailedCall, pathFailure } from '../layer/path-failure.ts';

const hasErrno = (error: unknown, errno: number) => isFailedCall(error) && error.errno === -errno;

function taken(path: string, cause?: unknown): OverlayError {
  const sentence = `${path} is there already`;
  const hint = 'name a file that is not there, or remove it';
  return new OverlayError(
    [{ code: 'ERR_OVERLAY_TARGET_EXISTS', sentence, hint, option: 'file', path }],
    cause,
  );
}

async function sync(path: Buffer): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Has a new file filled, under a hidden name beside the one that it gets in the end.
 *
 * @throws {OverlayError} ERR_OVERLAY_TARGET_EXISTS, ERR_OVERLAY_NO_ACCESS, ERR_OVERLAY_NO_SPACE and others; what `fill` throws
 */
export async function writeWhole<T>(path: PathLike, fill: (file: FileHandle) => Promise<T>): Promise<T> {
  const { parent, name, shown } = readEntryPath(path);
  const at = (child: Buffer | string) => Buffer.concat([parent.bytes, Buffer.from('/'), Buffer.from(child)]);
  const [target, aside] = [at(name), at(`.overlayfs-pack-${randomBytes(8).toString('hex')}`)];
  let made = false;
  try {
    await lstat(target).then(
      () => Promise.reject(taken(shown)),
      (error) => (hasErrno(error, ENOENT) ? undefined : Promise.reject(error)),
    );
    const file = await open(aside, 'wx', 0o666);
    made = true;
    let result: T;
    try {
      result = await fill(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await callAsync('renameat2', AT_FDCWD, aside, AT_FDCWD, target, RENAME_NOREPLACE);
    made = false;
    await sync(parent.bytes);
    return result;
  } catch (error) {
    if (made) await unlink(aside);
    if (hasErrno(error, EEXIST)) throw taken(shown, error);
    throw isFailedCall(error) ? pathFailure(error, made ? shown : parent.shown) : error;
  }
}
