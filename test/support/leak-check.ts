// The global setup of vitest: gives the run a directory of its own, refreshes the build, and at the end fails on anything left.
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { refreshBuild } from './built-package.ts';
import { added, inventory, processesWith, type Scope } from './leaks.ts';
import { unmountBelow } from './mounts.ts';
import { removeTree } from './remove-tree.ts';
import { everythingIsRequired } from './requirement.ts';
import { makeRunDirectory, markOf } from './run-directory.ts';

export default function setup(): () => Promise<void> {
  const machineTemporary = tmpdir();
  const nested = process.env.OVERLAYFS_TEST_RUN !== undefined;
  const directory = makeRunDirectory();
  // Others may mount on this machine meanwhile, unless the run has it to itself, as it has where everything is required.
  const scope: Scope = {
    run: directory,
    machine: everythingIsRequired() ? machineTemporary : undefined,
  };
  const before = inventory(scope);
  if (!nested) refreshBuild();
  return async () => {
    const left = await settle(() => added(before, inventory(scope)));
    for (const { pid } of processesWith(markOf(directory))) end(pid);
    unmountBelow(directory);
    removeTree(directory);
    if (left.length === 0) return;
    process.exitCode = 1;
    throw new Error(`the tests left behind:\n  ${left.join('\n  ')}`);
  };
}

function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** Processes and lazy unmounts may take a moment to go, which may be long on a busy machine. */
async function settle(look: () => string[]): Promise<string[]> {
  const grace = Number(process.env.OVERLAYFS_TEST_GRACE ?? 30_000);
  for (const last = Date.now() + grace; Date.now() < last; await sleep(50))
    if (look().length === 0) return [];
  return look();
}
