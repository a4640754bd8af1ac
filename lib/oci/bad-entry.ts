// The errors for entries that no layer should have.
import type { OverlayError } from '../format/overlay-error.ts';
import type { EntryType } from '../format/tar/entry.ts';
import { failure } from './failure.ts';
import { shownPath } from './tree.ts';

export function notDirectory(type: EntryType): OverlayError {
  return failure(
    'ERR_OVERLAY_LAYER_PATH',
    `the layer has a ${type} in the place of its root directory`,
    'do not trust this layer: the tools that make layers write no such entries',
  );
}

export function badLink(name: Buffer, target: Buffer, problem: string): OverlayError {
  return failure(
    'ERR_OVERLAY_LAYER_LINK',
    `the layer has a hard link ${shownPath(name.toString('latin1'))} to ${shownPath(target.toString('latin1'))}, ${problem}`,
    'name the layers below as `lowers`, or unpack into a directory that has them',
  );
}
