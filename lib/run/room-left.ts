// Whether the changes of views still have room.
import { statfs } from 'node:fs';
import { promisify } from 'node:util';
import type { View } from './views.ts';

/** Whether the filesystem of one's changes has no room left. */
export async function isAnyFull(views: readonly View[]): Promise<boolean> {
  for (const { overlay } of views) {
    const { bavail, ffree, files } = await promisify(statfs)(overlay.path);
    if (bavail === 0 || (files > 0 && ffree === 0)) return true;
  }
  return false;
}
