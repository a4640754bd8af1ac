// Detached overlays that were forgotten without unmount(): their descriptors are closed, and that is told of once.
import type { MountSpec } from '../format/mount-spec.ts';
import { close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import { forgetDetached } from './detached-uppers.ts';
import { type OwnWork, removeIdleWork } from './work-directory.ts';

let warned = false;

function warn(): void {
  if (warned || process.env.NODE_ENV === 'production') return;
  warned = true;
  process.emitWarning('A detached overlay was garbage-collected without unmount(); it has been closed', {
    code: 'OVERLAYFS_FORGOTTEN',
    detail: 'Keep the overlay as long as its files are used, and end it by unmount() or "await using".',
  });
}

/** All of a detached overlay but its handle, which is the program's to forget. */
export interface Detached {
  /** What was asked for. */
  readonly given: Readonly<MountSpec>;
  readonly work: OwnWork | undefined;
  /** The mount's root, which is in the path of the overlay, and the locked directories behind it. */
  readonly fds: readonly number[];
}

// By the descriptor of the root. No weak reference to the handle: that would keep it until the end of the job, so that a
// loop of thousands that are made and ended would hold them all.
const detached: (Detached | undefined)[] = [];

const registry = new FinalizationRegistry<Detached>(({ fds, work }) => {
  forgetDetached(fds);
  detached[fds[0]!] = undefined;
  for (const fd of fds) close(fd);
  warn();
  // Nobody is there to be told when it cannot be removed.
  if (work !== undefined) runAsync(removeIdleWork(work)).catch(() => {});
});

/** The overlay of this thread that a path as that of a detached one leads to: no mount table has it. */
export function detachedAt(path: string): Detached | undefined {
  const [, pid, fd] = /^\/proc\/(self|\d+)\/fd\/(\d+)(?:\/|$)/.exec(path) ?? [];
  if (pid !== 'self' && pid !== String(process.pid)) return undefined;
  return detached[Number(fd)];
}

/** Watches the handle of a detached overlay, which goes with its descriptor. */
export function watchForgotten(handle: object, overlay: Detached): void {
  detached[overlay.fds[0]!] = overlay;
  registry.register(handle, overlay, handle);
}

/** The handle has ended, or its mount stays without it. */
export function stopWatching(handle: object, overlay: Detached): void {
  registry.unregister(handle);
  const root = overlay.fds[0]!;
  // Closed by now: the number may be that of another overlay.
  if (detached[root] === overlay) detached[root] = undefined;
}
