// The pool of vitest whose workers have a mount namespace each, where they may mount at all. Tests look at the mount table,
// and a namespace that another test file makes would keep a copy of their mounts in use.
import { ForksPoolWorker, type PoolOptions, type PoolRunnerInitializer, type PoolWorker } from 'vitest/node';
import { which } from './command.ts';
import { isPrivileged } from './privilege.ts';

const words = ['--mount', '--propagation', 'private'];

class NamespaceWorker extends ForksPoolWorker {
  constructor(options: PoolOptions) {
    super({ ...options, execArgv: [...words, process.execPath, ...options.execArgv] });
  }

  // child_process.fork() runs what has this name, which start() calls before it comes back.
  override start(): Promise<void> {
    const node = process.execPath;
    process.execPath = which('unshare')!;
    try {
      return super.start();
    } finally {
      process.execPath = node;
    }
  }
}

export const ownNamespace: PoolRunnerInitializer = {
  name: 'forks in namespaces',
  createPoolWorker: (options): PoolWorker =>
    isPrivileged() ? new NamespaceWorker(options) : new ForksPoolWorker(options),
};
