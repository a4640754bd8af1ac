// What is open is reached by its path in /proc: without it, all attributes would seem to be absent.
import { existsSync } from 'node:fs';
import { OverlayError } from '../format/overlay-error.ts';

/** @throws {OverlayError} ERR_OVERLAY_NO_PROC */
export function requireProc(): void {
  if (existsSync('/proc/self/fd')) return;
  const sentence = '/proc is not mounted here, and files that are open are reached there';
  const hint = 'mount it: mount -t proc proc /proc';
  throw new OverlayError([{ code: 'ERR_OVERLAY_NO_PROC', sentence, hint }]);
}
