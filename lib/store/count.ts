// What a directory takes on the disk, counted by walking it: each inode once, however many names it has.
import type { Usage } from '../format/store/record.ts';
import { RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV } from '../kernel/constants.ts';
import { ENOENT } from '../kernel/errno.ts';
import { runAsync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { walkTree } from '../kernel/walk-tree.ts';

const BLOCK = 512;
const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;

/** The directory itself counts. What vanishes meanwhile does not. @throws {KernelError} for what cannot be read */
export async function countTree(directory: number): Promise<Usage> {
  const { stat } = await runAsync(scanEntry(directory, '', { xattrs: [] }));
  let bytes = stat!.blocks * BLOCK;
  let inodes = 1;
  const linked = new Set<string>();
  for await (const batch of walkTree(directory, { resolve: INSIDE, xattrs: [] })) {
    if (batch.error !== undefined) {
      if (batch.error.errno === -ENOENT) continue;
      throw batch.error;
    }
    for (const { stat } of batch.entries) {
      if (stat === undefined) continue;
      if (stat.nlink > 1 && !stat.isDirectory) {
        const inode = `${stat.devMajor}:${stat.devMinor}:${stat.ino}`;
        if (linked.has(inode)) continue;
        linked.add(inode);
      }
      bytes += stat.blocks * BLOCK;
      inodes += 1;
    }
  }
  return { bytes, inodes };
}
