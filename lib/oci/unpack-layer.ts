// unpackLayer(): one layer of an image becomes a directory, whole or not at all.
import type { Readable } from 'node:stream';
import type { PathLike } from '../format/mount-spec.ts';
import { type GivenEntry, readEntryPath } from '../layer/given-path.ts';
import { explained } from './failure.ts';
import { checkSource } from './given-bytes.ts';
import { Staging, type Taking } from './staging.ts';
import { type ReadUnpackOptions, readUnpackOptions, type UnpackOptions } from './unpack-options.ts';
import { TreeUnpacking, type Unpacked } from './unpack-tree.ts';

/**
 * Unpacks a layer, compressed by gzip, zstd or not at all, into the directory `dir`, which must not be there or be empty.
 * It is filled beside it, put on the disk and then renamed: after a failure or an abort nothing is there, nor beside it.
 * After SIGKILL a directory `.overlayfs-unpack-…` may be, which the next unpacking beside it removes.
 *
 * With `format: 'plain'` `dir` may have something in it. The layer is then laid over that, deletions are done, and a
 * failure leaves it half-way.
 *
 * Nothing outside of the directory is touched, whatever the layer says: no link is followed but within it, no mount is
 * crossed. Any number may run at a time.
 *
 * @param source a file, or a stream of bytes, which is destroyed when it is not read to its end
 * @throws {OverlayError} those of archives, those of layers, ERR_OVERLAY_TARGET_EXISTS, ERR_OVERLAY_DIGEST_MISMATCH,
 *   ERR_OVERLAY_NO_SPACE, ERR_OVERLAY_NO_ACCESS and others of docs/errors.md
 */
export async function unpackLayer(
  source: Readable | PathLike,
  dir: PathLike,
  given?: UnpackOptions,
): Promise<Unpacked> {
  const target = readEntryPath(dir, 'dir');
  const options = readUnpackOptions(given);
  checkSource(source);
  return await unpackLayerAt(source, target, options);
}

/** The same for options that have been checked, and a directory that messages call otherwise than system calls do. */
export async function unpackLayerAt(
  source: Readable | PathLike,
  target: GivenEntry,
  options: ReadUnpackOptions,
): Promise<Unpacked> {
  const taking = options.format === 'plain' ? 'tree' : 'new';
  return await inStaging(target, taking, options, async (tree) => await tree.layer(source));
}

/** Has a directory filled, and shows it when that has been done. */
export async function inStaging<T>(
  target: GivenEntry,
  taking: Taking,
  options: ReadUnpackOptions,
  fill: (tree: TreeUnpacking) => Promise<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const staging = await Staging.make(target, taking);
  try {
    const tree = await TreeUnpacking.in(staging, target.shown, options);
    const result = await fill(tree);
    await tree.finish();
    options.signal?.throwIfAborted();
    await staging.finish(options.sync ?? true);
    return result;
  } catch (error) {
    await staging.discard();
    throw explained(error, target.shown);
  }
}
