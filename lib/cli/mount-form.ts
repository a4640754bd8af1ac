// Stands in for mount(8): its words, its exit codes, and one true line about what went wrong, with the path marked below it.
import { realpath } from 'node:fs/promises';
import { list, mount, remount } from '../index.ts';
import { failureLine, markedLines, mountExitCode } from './failure.ts';
import { type MountArguments, readMountArguments } from './mount-arguments.ts';
import { checkMount, requireLower } from './mount-check.ts';
import { requireOwnNamespace } from './namespace.ts';
import { printable } from './printable.ts';
import { remountAttributes } from './remount.ts';
import type { Terminal } from './terminal.ts';

async function performRemount({ spec, fake }: MountArguments): Promise<void> {
  const { target } = spec;
  const real = await realpath(target, 'buffer').catch(() => Buffer.from(target));
  const row = (await list()).findLast((overlay) => real.equals(Buffer.from(overlay.target)));
  // What is no overlay is told by remount() itself, with what it is instead.
  const attributes = row === undefined ? (spec.attributes ?? {}) : remountAttributes(spec, row, target);
  if (!fake) await remount(target, attributes);
}

async function perform(asked: MountArguments, terminal: Terminal): Promise<void> {
  const { spec, namespace, verbose, tolerated } = asked;
  requireOwnNamespace(namespace);
  const tell = (text: string) => verbose && terminal.line(`overlayfs: ${text}`);
  const place = printable(spec.target);
  for (const name of tolerated) tell(`option ${name} is unknown and left out`);
  if (asked.remount) {
    await performRemount(asked);
    tell(`${place} remounted`);
    return;
  }
  requireLower(spec);
  if (asked.fake) {
    await checkMount(spec);
    tell(`would mount an overlay on ${place}`);
    return;
  }
  const overlay = await mount(spec);
  for (const reason of overlay.fallbacks) tell(reason);
  tell(`overlay mounted on ${place} through ${overlay.via === 'mount' ? 'mount(2)' : 'fsopen(2)'}`);
}

/** Runs it, and gives mount(8)'s exit code: 0 done, 1 wrong words or permissions, 2 the system, 32 the mount failed. */
export async function runMountForm(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    await perform(readMountArguments(args), terminal);
    return 0;
  } catch (error) {
    terminal.complain([failureLine(error), ...markedLines(error)].join('\n'));
    return mountExitCode(error);
  }
}
