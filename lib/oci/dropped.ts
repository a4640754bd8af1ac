// What a layer says and the directory does not get, with the reason.
import type { EntryPath } from '../layer/change.ts';

export interface Dropped {
  /** From the layer's root. */
  readonly path: EntryPath;
  /** The thing: of an attribute with its name behind, as `xattr:security.selinux`. */
  readonly what: 'whiteout' | 'leftover' | 'device' | 'owner' | `xattr:${string}`;
  readonly why: string;
}
