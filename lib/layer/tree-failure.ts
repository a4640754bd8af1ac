// A change that stands for what could not be read: told as modified, since it may be, with the reason.
import { OverlayError, shown } from '../format/overlay-error.ts';
import { EXDEV } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { ScanFailure } from '../kernel/scan-directory.ts';
import type { Change } from './change.ts';
import { type EntryType, shownPlace } from './merged-entry.ts';
import { type FailedCall, pathFailure } from './path-failure.ts';
import type { TreeRoot } from './tree-root.ts';

function pathOf(root: TreeRoot, place: string): string {
  return place === '' ? root.shown : `${root.shown}/${shown(shownPlace(place))}`;
}

/** What a failed call at a place of a tree means. */
export function placeFailure(root: TreeRoot, place: string, error: FailedCall): OverlayError {
  const path = pathOf(root, place);
  if (error.errno !== -EXDEV) return pathFailure(error, path);
  const sentence = `something is mounted at ${path}, and was not looked into`;
  const hint = 'compare with crossMounts: true, or unmount it';
  return new OverlayError([{ code: 'ERR_OVERLAY_MOUNT_NOT_CROSSED', sentence, hint, path }], error);
}

/** The same for what a scan could not read of an entry. */
export function scanFailure(root: TreeRoot, place: string, { errno, syscall }: ScanFailure): OverlayError {
  const call = `${syscall}(${JSON.stringify(pathOf(root, place))})`;
  return placeFailure(root, place, new KernelError({ errno, syscall, call, log: '', step: 0 }));
}

/** The change for an entry of which something is not known. */
export function failedEntry(
  place: string,
  type: EntryType,
  error: OverlayError,
  what: Change['what'] = [],
): Change {
  return { kind: 'modified', path: shownPlace(place), type, what, error };
}

/** The change for a directory that could not be read. */
export function failedPlace(root: TreeRoot, place: string, error: KernelError): Change {
  return failedEntry(place, 'directory', placeFailure(root, place, error));
}
