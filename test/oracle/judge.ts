// The verdict: the kernel's view of layers against ours, and every disagreement as a line.
import { lstatSync } from 'node:fs';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { differences } from './difference.ts';
import { below, type Entry, errnoOf, type Snapshot, snapshot } from './snapshot.ts';
import { viewOf } from './stack-view.ts';
import type { Layers, Stage } from './stage.ts';

/** The errno with which the entry, its list of names or its content cannot be had. */
function failure({ error, content }: Entry): string | undefined {
  return error ?? /^<(E[A-Z]+|error)>$/.exec(content ?? '')?.[1];
}

function errnoAt(root: string, path: string): string | undefined {
  try {
    lstatSync(below(Buffer.from(root), Buffer.from(path, 'latin1')));
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

/**
 * Entries that both say cannot be had are taken out. The driver does not list each of those: whether it does depends on
 * what it has looked at before, so that it is asked for them by name.
 */
function withoutFailures(root: string, mounted: Snapshot, seen: Snapshot): [Snapshot, Snapshot] {
  const [left, right] = [new Map(mounted), new Map(seen)];
  for (const [path, entry] of seen) {
    const ours = failure(entry);
    const shown = mounted.get(path);
    const theirs = shown === undefined ? errnoAt(root, path) : failure(shown);
    if (ours === undefined || theirs === undefined || (ours !== theirs && ours !== 'error')) continue;
    left.delete(path);
    right.delete(path);
  }
  return [left, right];
}

/** Mounts the layers, and compares; nothing when all agree. `work` may be an overlay that is mounted already. */
export async function disagreements(
  stage: Stage,
  layers: Layers,
  options: AnyOverlayOptions,
  work: string | Overlay,
): Promise<string[]> {
  const overlay = typeof work === 'string' ? stage.mount(layers, options, work) : work;
  const [mounted, seen] = withoutFailures(
    overlay.path,
    snapshot(overlay.path),
    await viewOf(layers, options),
  );
  return differences(mounted, seen, ['the mount', 'openStack']);
}
