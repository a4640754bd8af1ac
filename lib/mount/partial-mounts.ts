// Mounts that show a part of a filesystem whose other parts are mounted too: from below, what is above their root cannot be
// seen, though the kernel goes by it.
import type { MountPlace } from '../kernel/mount-places.ts';

const SLASH = 0x2f;

function liesBelow(inner: Buffer, outer: Buffer): boolean {
  if (inner.length <= outer.length || !inner.subarray(0, outer.length).equals(outer)) return false;
  return outer.length === 1 || inner[outer.length] === SLASH;
}

/** Those whose root lies in the root of another mount of the same filesystem. */
export function partialMounts(places: readonly MountPlace[]): MountPlace[] {
  const byDevice = new Map<string, Map<string, Buffer>>();
  for (const { device, root } of places) {
    const roots = byDevice.get(device) ?? new Map<string, Buffer>();
    byDevice.set(device, roots.set(root.toString('latin1'), root));
  }
  return places.filter(({ device, root }) => {
    const roots = byDevice.get(device)!;
    return roots.size > 1 && [...roots.values()].some((outer) => liesBelow(root, outer));
  });
}
