// Learns what is in a directory that a layer is laid over.
import { O_NOFOLLOW, O_PATH, S_IFDIR, S_IFLNK, S_IFMT } from '../kernel/constants.ts';
import { Program, WANT } from '../kernel/program.ts';
import { runAsync } from '../kernel/routine.ts';
import { type ScannedEntry, scanEntry } from '../kernel/scan-directory.ts';
import { walkTree } from '../kernel/walk-tree.ts';
import { CONFINED } from './batch.ts';
import { explained } from './failure.ts';
import { TreeNode } from './tree.ts';

function kindOf({ stat }: ScannedEntry): 'directory' | 'symlink' | 'other' {
  const type = (stat?.mode ?? 0) & S_IFMT;
  return type === S_IFDIR ? 'directory' : type === S_IFLNK ? 'symlink' : 'other';
}

/** Where links of one directory lead, in one job. */
async function linksOf(dir: number, names: readonly Buffer[]): Promise<string[]> {
  const program = new Program();
  const steps = names.map((name) => {
    const link = program.add('openat', 0, dir, name, O_PATH | O_NOFOLLOW, 0);
    const read = program.add('readlinkat', WANT, link, '');
    program.close(link);
    return read;
  });
  await program.later();
  return steps.map((step) => program.bytes(step)!.toString('latin1'));
}

const AT_ONCE = 64;

/**
 * The tree below an open directory.
 *
 * @throws {OverlayError} for a directory that cannot be read
 */
export async function readTree(root: number, shown: string): Promise<TreeNode> {
  const tree = new TreeNode(undefined, '', 'directory', false);
  tree.mtime = (await runAsync(scanEntry(root, '', { xattrs: [] }))).stat?.mtime;
  const directories = new Map<string, TreeNode>([['', tree]]);
  for await (const batch of walkTree(root, { xattrs: [], resolve: CONFINED })) {
    if (batch.error !== undefined) throw explained(batch.error, `${shown}/${batch.place}`);
    const parent = directories.get(batch.place)!;
    const links = batch.entries.filter((entry) => kindOf(entry) === 'symlink').map(({ name }) => name);
    for (let at = 0; at < links.length; at += AT_ONCE) {
      const some = links.slice(at, at + AT_ONCE);
      const targets = await linksOf(batch.fd, some);
      for (const [i, name] of some.entries())
        new TreeNode(parent, name.toString('latin1'), 'symlink', false, targets[i]);
    }
    for (const entry of batch.entries) {
      const kind = kindOf(entry);
      if (kind === 'symlink') continue;
      const node = new TreeNode(parent, entry.name.toString('latin1'), kind, false);
      if (kind !== 'directory') continue;
      node.mtime = entry.stat?.mtime;
      directories.set(node.path, node);
    }
    if (batch.last) directories.delete(batch.place);
  }
  untouch(tree);
  return tree;
}

function untouch(node: TreeNode): void {
  node.touched = false;
  for (const child of node.children.values()) if (child.kind === 'directory') untouch(child);
}
