// Which mount a path lies on by its text alone: nothing is asked of the place itself.

/** Of a mount table, in the order in which they were mounted. */
export interface MountedAt {
  readonly target: Buffer;
  readonly fsType: string;
}

/** Whether the path is that of the mount's root, or leads below it. @param path without symbolic links */
export function leadsTo(path: Buffer, { target }: Pick<MountedAt, 'target'>): boolean {
  if (target.length === 1) return true;
  if (path[target.length] !== undefined && path[target.length] !== 0x2f) return false;
  return path.length >= target.length && target.compare(path, 0, target.length) === 0;
}

/** @param path without symbolic links */
export function mountOf<T extends MountedAt>(path: Buffer, mounts: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const mount of mounts) {
    const { target } = mount;
    const holds = leadsTo(path, mount);
    // The last of the longest: it was mounted on top.
    if (holds && target.length >= (best?.target.length ?? 0)) best = mount;
  }
  return best;
}
