// Stands in for umount(8) and for the /sbin/umount.TYPE programs that it calls: their words and exit codes.
import { unmount } from '../index.ts';
import { wordToPath } from './arguments.ts';
import { failureLine, mountExitCode } from './failure.ts';
import { type FlagRow, readFlags, UsageError } from './flags.ts';
import { requireOwnNamespace } from './namespace.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

// -f is for filesystems with a server that can be gone, and -r would remount what is busy: neither has a meaning here.
const FLAGS: Readonly<Record<string, FlagRow>> = {
  lazy: { short: 'l', about: '' },
  force: { short: 'f', about: '' },
  'no-mtab': { short: 'n', about: '' },
  verbose: { short: 'v', about: '' },
  'read-only': { short: 'r', about: '' },
  types: { short: 't', value: 'TYPE', repeatable: true, about: '' },
  namespace: { short: 'N', value: 'NAMESPACE', about: '' },
};

/** Runs it, and gives umount(8)'s exit code; of several failures the last one's. */
export async function runUmountForm(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0;
  const failed = (error: unknown) => {
    terminal.complain(failureLine(error));
    code = mountExitCode(error);
  };
  try {
    const given = readFlags(args, FLAGS);
    if (given.words.length === 0) throw new UsageError('the mount point is missing');
    requireOwnNamespace(given.text('namespace'));
    for (const target of given.words.map(wordToPath)) {
      try {
        await unmount(target, { lazy: given.has('lazy') });
        if (given.has('verbose')) terminal.line(`overlayfs: ${printable(target)} unmounted`);
      } catch (error) {
        failed(error);
      }
    }
  } catch (error) {
    failed(error);
  }
  return code;
}
