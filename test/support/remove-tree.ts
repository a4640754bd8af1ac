// Removes a directory tree whatever tests have put in it. Nothing may be mounted below it any more.
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';

export function removeTree(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // Names that are no UTF-8, paths beyond PATH_MAX, and the mode 000 of a rootless work directory need other tools.
    spawnSync('chmod', ['-R', 'u+rwX', '--', path], { stdio: 'ignore' });
    const { status, stderr } = spawnSync('rm', ['-rf', '--one-file-system', '--', path], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`cannot remove ${path}: ${stderr}`);
  }
}
