// Copies the content of a file: by sharing its blocks, else by the kernel, else leaving out what is not there.
import { constants } from 'node:fs';
import { copyFile, type FileHandle, open } from 'node:fs/promises';
import { procPath } from './constants.ts';

const PIECE = 1024 * 1024;
const BLOCK = 4096;
const ZEROS = Buffer.alloc(BLOCK);
const { COPYFILE_EXCL, COPYFILE_FICLONE_FORCE } = constants;

/** st_blocks counts pieces of 512 bytes. Source: stat(2). */
async function hasHoles(source: FileHandle): Promise<boolean> {
  const { blocks, size } = await source.stat();
  return blocks * 512 < size;
}

/** Blocks of zeros are not written, so that the copy has the holes of the original. */
async function copySparsely(
  source: FileHandle,
  target: string | Buffer,
  onBytes: (count: number) => void,
): Promise<void> {
  const made = await open(target, 'wx', 0o600);
  try {
    const buffer = Buffer.allocUnsafeSlow(PIECE);
    for (let at = 0; ; ) {
      const { bytesRead } = await source.read(buffer, 0, PIECE, at);
      if (bytesRead === 0) return await made.truncate(at);
      for (let from = 0; from < bytesRead; from += BLOCK) {
        const block = buffer.subarray(from, Math.min(from + BLOCK, bytesRead));
        if (block.equals(ZEROS.subarray(0, block.length))) continue;
        for (let done = 0; done < block.length; )
          done += (await made.write(block, done, block.length - done, at + from + done)).bytesWritten;
      }
      at += bytesRead;
      onBytes(bytesRead);
    }
  } finally {
    await made.close();
  }
}

/**
 * Makes a file with the content of another.
 *
 * @param target the path of the new file, in a directory in which nobody else writes
 * @throws of the failed call, as node:fs has it
 */
export async function copyContent(
  source: FileHandle,
  target: string | Buffer,
  onBytes: (count: number) => void,
): Promise<void> {
  const from = procPath(source.fd);
  try {
    await copyFile(from, target, COPYFILE_EXCL | COPYFILE_FICLONE_FORCE);
    return;
  } catch (error) {
    // Each filesystem has its own word for that it cannot, or not from there.
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
  }
  const { size } = await source.stat();
  if (await hasHoles(source)) return await copySparsely(source, target, onBytes);
  await copyFile(from, target, COPYFILE_EXCL);
  onBytes(size);
}
