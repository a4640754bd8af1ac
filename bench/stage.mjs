// The scratch directory that every round plays in, and its removal whatever happens.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';

export const MOST_LOWERS = 500;

// Makes lowers l0 … l499, upper u, work w, an empty directory e and the target m below `parent`.
export function setStage(parent) {
  // Short names: 128 lowers should fit into the page that mount(2) takes.
  const root = mkdtempSync(join(parent, 'ovb-'));
  for (const name of ['u', 'w', 'e', 'm']) mkdirSync(join(root, name));
  for (let i = 0; i < MOST_LOWERS; i++) mkdirSync(join(root, `l${i}`));
  return root;
}

// Takes the stage down; a mount that an interrupted round left on the target goes first.
export function clearStage(root) {
  // Fails at once when nothing is mounted there, which is the rule.
  while (spawnSync('umount', ['--lazy', join(root, 'm')], { stdio: 'ignore' }).status === 0);
  rmSync(root, { recursive: true, force: true });
}
