// Skips a test where no user namespace can be had.
import { spawnSync } from 'node:child_process';
import { missing } from '../support/requirement.ts';

/** Ends the running test as skipped, when an ordinary user may have none here. */
export function needUserNamespaces(): void {
  const nobody = process.geteuid!() === 0 ? { uid: 65534, gid: 65534 } : {};
  const words = ['--user', '--map-root-user', '--mount', 'true'];
  if (spawnSync('unshare', words, { stdio: 'ignore', cwd: '/', ...nobody }).status !== 0)
    missing('this machine allows no user namespaces to an ordinary user');
}
