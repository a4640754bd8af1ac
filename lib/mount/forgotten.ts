// Detached overlays that were forgotten without unmount(): their descriptors are closed, and that is told of once.
import { close } from '../kernel/call.ts';
import type { Made } from './made.ts';

let warned = false;

function warn(): void {
  if (warned || process.env.NODE_ENV === 'production') return;
  warned = true;
  process.emitWarning('A detached overlay was garbage-collected without unmount(); it has been closed', {
    code: 'OVERLAYFS_FORGOTTEN',
    detail: 'Keep the overlay as long as its files are used, and end it by unmount() or "await using".',
  });
}

const registry = new FinalizationRegistry<readonly number[]>((fds) => {
  for (const fd of fds) close(fd);
  warn();
});

/** Watches the handle of a detached overlay, which goes with its descriptor. */
export function watchForgotten(handle: object, made: Made): void {
  registry.register(handle, [made.mount!, ...made.claims], handle);
}

/** The handle has ended, or its mount stays without it. */
export function stopWatching(handle: object): void {
  registry.unregister(handle);
}
