// A view without what two filesystems, or a mount and a plain directory, may show differently.
import type { Seen, View } from '../layer/merged-view.ts';

/** Sizes of directories are their filesystem's business; links are looked at by a test of their own. */
export function comparable(view: View): View {
  const entries = Object.entries(view).map(([path, { nlink, size, ...rest }]): [string, Seen] => [
    path,
    rest.type === 'directory' || size === undefined ? rest : { ...rest, size },
  ]);
  return Object.fromEntries(entries);
}
