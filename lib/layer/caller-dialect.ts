// In which attributes a caller's overlays keep their notes, when the caller does not say: as its mounts would do it.
import type { Dialect } from '../format/overlay-xattr.ts';
import { readCaller } from '../kernel/features/caller.ts';
import type { Routine } from '../kernel/routine.ts';

/** What functions on marks of a layer have in common. */
export interface DialectOptions {
  /**
   * `true`: the marks are in `user.overlay.*`, as overlays with the option `userxattr` have them; `false`: in
   * `trusted.overlay.*`. A mount sees only the one or the other. Default: `false` for a process with CAP_SYS_ADMIN in
   * the initial user namespace, which alone has access to `trusted.*`, and `true` for every other.
   */
  readonly userxattr?: boolean;
}

/** The dialect that is asked for, or that of the caller's own overlays. */
export function* dialectFor(userxattr: boolean | undefined): Routine<Dialect> {
  if (userxattr !== undefined) return userxattr ? 'user' : 'trusted';
  const { capSysAdmin, initialUserNamespace } = yield* readCaller();
  return capSysAdmin === true && initialUserNamespace !== false ? 'trusted' : 'user';
}
