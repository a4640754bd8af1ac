// Starts this program anew as root of a user and mount namespace of its own, and lives as long as that one does.
import { spawn } from 'node:child_process';

/** Set inside, so that nobody goes in twice. */
const MARK = 'OVERLAYFS_IN_USER_NAMESPACE';
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export function isInside(): boolean {
  return process.env[MARK] === '1';
}

/** unshare(1), since unshare(2) refuses a user namespace to a process with threads, as Node is one. */
export async function runInUserNamespace(args: readonly string[]): Promise<number> {
  const words = ['--user', '--map-root-user', '--mount', process.execPath, ...process.execArgv];
  const child = spawn('unshare', [...words, process.argv[1]!, ...args], {
    stdio: 'inherit',
    env: { ...process.env, [MARK]: '1' },
  });
  // It cleans up and then ends; this process must not end before it.
  const forward = (signal: NodeJS.Signals) => void child.kill(signal);
  for (const signal of SIGNALS) process.on(signal, forward);
  try {
    const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (...ended) => resolve(ended));
    });
    if (signal === null) return code!;
    for (const name of SIGNALS) process.off(name, forward);
    process.kill(process.pid, signal);
    return 1;
  } finally {
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}
