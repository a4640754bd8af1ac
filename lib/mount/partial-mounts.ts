// Mounts that show a part of a filesystem whose other parts are mounted too: from below, what is above their root cannot be
// seen, though the kernel goes by it.
import type { MountPlace } from '../kernel/mount-places.ts';

/** The directories that hold the one of this path, as texts; none for `/`. */
function* holdersOf(path: string): Generator<string> {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1))
    yield path.slice(0, end);
  if (path !== '/') yield '/';
}

/** Those whose root lies in the root of another mount of the same filesystem. */
export function partialMounts(places: readonly MountPlace[]): MountPlace[] {
  const byDevice = new Map<string, Set<string>>();
  for (const { device, root } of places) {
    const roots = byDevice.get(device);
    if (roots === undefined) byDevice.set(device, new Set([root.toString('latin1')]));
    else roots.add(root.toString('latin1'));
  }
  return places.filter(({ device, root }) => {
    const roots = byDevice.get(device)!;
    return roots.size > 1 && [...holdersOf(root.toString('latin1'))].some((outer) => roots.has(outer));
  });
}
