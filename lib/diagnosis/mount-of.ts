// Which mount a path lies on by its text alone: nothing is asked of the place itself.
import type { MountinfoEntry } from '../format/mountinfo.ts';

/** @param path without symbolic links */
export function mountOf(path: Buffer, mounts: readonly MountinfoEntry[]): MountinfoEntry | undefined {
  let best: MountinfoEntry | undefined;
  for (const mount of mounts) {
    const { target } = mount;
    const holds =
      target.length === 1 ||
      (path.subarray(0, target.length).equals(target) && [undefined, 0x2f].includes(path[target.length]));
    // The last of the longest: it was mounted on top.
    if (holds && target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best;
}
