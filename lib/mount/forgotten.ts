// Detached overlays that were forgotten without unmount(): their descriptors are closed, and that is told of once.
import { close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import { forgetDetached } from './detached-uppers.ts';
import type { Made } from './made.ts';
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

interface Forgotten {
  readonly fds: readonly number[];
  readonly work: OwnWork | undefined;
}

const registry = new FinalizationRegistry<Forgotten>(({ fds, work }) => {
  forgetDetached(fds);
  handles.delete(fds[0]!);
  for (const fd of fds) close(fd);
  warn();
  // Nobody is there to be told when it cannot be removed.
  if (work !== undefined) runAsync(removeIdleWork(work)).catch(() => {});
});

// By the descriptor of the mount's root, which is in the path of a detached overlay.
const handles = new Map<number, WeakRef<object>>();
const roots = new WeakMap<object, number>();

/** The handle of this thread's detached overlay whose root has this descriptor. */
export function detachedHandle(root: number): object | undefined {
  return handles.get(root)?.deref();
}

/** Watches the handle of a detached overlay, which goes with its descriptor. */
export function watchForgotten(handle: object, made: Made, work: OwnWork | undefined): void {
  handles.set(made.mount!, new WeakRef(handle));
  roots.set(handle, made.mount!);
  registry.register(handle, { fds: [made.mount!, ...made.claims], work }, handle);
}

/** The handle has ended, or its mount stays without it. */
export function stopWatching(handle: object): void {
  registry.unregister(handle);
  const root = roots.get(handle);
  if (root !== undefined) handles.delete(root);
}
