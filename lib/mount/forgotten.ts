// Overlays that were forgotten without unmount(): their descriptors are closed, and a detached one is told of once.
import { close } from '../kernel/call.ts';
import type { Made } from './made.ts';

interface Left {
  readonly fds: readonly number[];
  readonly detached: boolean;
}

let warned = false;

function warn(): void {
  if (warned || process.env.NODE_ENV === 'production') return;
  warned = true;
  process.emitWarning('A detached overlay was garbage-collected without unmount(); it has been closed', {
    code: 'OVERLAYFS_FORGOTTEN',
    detail: 'Keep the overlay as long as its files are used, and end it by unmount() or "await using".',
  });
}

const registry = new FinalizationRegistry<Left>(({ fds, detached }) => {
  for (const fd of fds) close(fd);
  if (detached) warn();
});

function left(made: Made, fd: number | undefined): number[] {
  return fd === undefined ? [...made.claims] : [fd, ...made.claims];
}

/**
 * Watches a handle. A detached mount goes with its descriptor. An attached one stays, as mount(8)'s does; only the locks
 * go, and the mount table tells of it from then on.
 */
export function watchForgotten(handle: object, made: Made, detached: boolean): void {
  const fds = left(made, made.mount);
  if (fds.length > 0) registry.register(handle, { fds, detached }, handle);
}

/** The handle has ended by itself. */
export function stopWatching(handle: object): void {
  registry.unregister(handle);
}

/** From now on the mount stays when the handle is forgotten. */
export function watchAttached(handle: object, made: Made, fd: number): void {
  registry.unregister(handle);
  registry.register(handle, { fds: left(made, fd), detached: false }, handle);
}
