// What is wrong with an entry of a layer, and what the kernel makes of it: the errors that entries carry.

import { OverlayError, shown } from '../format/overlay-error.ts';
import { latin1ToPath } from '../format/path-bytes.ts';
import { EMFILE } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type LayerName, layerText } from './layer.ts';

/** Where an entry is: in which layer, at which place. */
export interface Where {
  readonly layer: { readonly name: LayerName };
  readonly place: string;
}

function text({ layer, place }: Where): string {
  const path = JSON.stringify(shown(latin1ToPath(place === '' ? '.' : place)));
  return `${path} of ${layerText(layer.name)}`;
}

function problem(where: Where, code: string, sentence: string, hint: string, cause?: unknown): OverlayError {
  const { kind, index } = where.layer.name;
  const path = shown(latin1ToPath(where.place === '' ? '.' : where.place));
  const which = kind === 'upper' ? {} : { index };
  return new OverlayError([{ code, sentence, hint, option: kind, ...which, path }], cause);
}

/** A redirect that the kernel refuses; looking the name up in the overlay fails so. */
export function badRedirect(where: Where, reason: string, errno: string): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_BAD_REDIRECT',
    `the attribute overlay.redirect at ${text(where)} cannot be followed: ${reason}; an overlay answers ${errno} for this name`,
    'remove the attribute, or write it anew: an absolute path, or the name of a sibling',
  );
}

export function badMetacopy(where: Where, bytes: number): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_BAD_METACOPY',
    `the attribute overlay.metacopy at ${text(where)} has ${bytes} bytes, and must be empty or have 4 at least; an overlay answers EIO for this name`,
    'remove the file or the attribute',
  );
}

export function metacopyOff(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_METACOPY_OFF',
    `only the metadata of the file is at ${text(where)} (the attribute overlay.metacopy), and metacopy is off; an overlay answers EPERM for this name`,
    'open the stack with options: { metacopy: true }, as the overlay was mounted that made this file',
  );
}

export function dataGone(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_METACOPY_DATA_GONE',
    `only the metadata of the file is at ${text(where)} (the attribute overlay.metacopy), and no layer below has its data; an overlay answers EIO for this name`,
    'name all layers that the overlay had, also data layers, or put the lower layer back as it was',
  );
}

export function redirectNotFollowed(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_REDIRECT_NOT_FOLLOWED',
    `the entry at ${text(where)} was renamed (the attribute overlay.redirect), and redirects are not followed; an overlay answers EPERM for this name`,
    "open the stack with options: { redirectDir: 'on' }, as the overlay was mounted that made this entry",
  );
}

/** An attribute that says nothing to an overlay. */
export function oddNote(where: Where, note: string, reason: string): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_ODD_NOTE',
    `the attribute overlay.${note} at ${text(where)} means nothing: ${reason}; an overlay passes over it`,
    'remove the attribute, or look for what wrote it: the layer may be damaged',
  );
}

export function whiteoutAtBottom(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_WHITEOUT_AT_BOTTOM',
    `the whiteout at ${text(where)} is in the bottom layer, where there is nothing to delete`,
    'remove it, or put the layer below that it was made for',
  );
}

export function mountInLayer(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_MOUNT_IN_LAYER',
    `another mount covers ${text(where)}; an overlay shows what lies under it, which only a process with CAP_SYS_ADMIN can see`,
    'run as root, or unmount it',
  );
}

export function layersOverlap(where: Where): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_LAYERS_OVERLAP',
    `${text(where)} is itself a layer of this stack; an overlay answers ELOOP for this name`,
    'use layers that lie side by side',
  );
}

export function unreadable(where: Where, cause: unknown, what = 'be read'): OverlayError {
  if (cause instanceof KernelError && cause.errno === -EMFILE) {
    return problem(
      where,
      'ERR_OVERLAY_TOO_MANY_OPEN_FILES',
      `${text(where)} cannot ${what}: this process has as many open files as it may have`,
      'close some, or raise the limit (ulimit -n)',
      cause,
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return problem(
    where,
    'ERR_OVERLAY_UNREADABLE',
    `${text(where)} cannot ${what} (${reason})`,
    'run as a user who may read it; what is known of it may be wrong or incomplete',
    cause,
  );
}

export function vanished(where: Where, cause?: unknown): OverlayError {
  return problem(
    where,
    'ERR_OVERLAY_VANISHED',
    `${text(where)} was removed or replaced while the stack was read`,
    'read layers while nobody writes to them, or read again',
    cause,
  );
}
