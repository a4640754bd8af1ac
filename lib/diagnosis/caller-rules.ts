// What the caller may not do.

import { dialectOf } from '../format/asked-options.ts';
import { EPERM } from '../kernel/errno.ts';
import type { Caller } from '../kernel/features/caller.ts';
import type { Finding } from './overlay-error.ts';
import type { Rule } from './rule.ts';
import { placeOf, subjectText } from './subject.ts';

// redirect_dir=off means follow, where the module is told to follow always.
const TRUSTED_OPTIONS: ReadonlyMap<string, readonly (string | undefined)[]> = new Map([
  ['redirect_dir', ['on', 'follow']],
  ['metacopy', ['on']],
  ['verity', ['on', 'require']],
]);

const NO_PRIVILEGE = 'ERR_OVERLAY_NO_PRIVILEGE';

/** The finding for a caller that is known to have no CAP_SYS_ADMIN. */
export function noPrivilege({ uid, capSysAdmin }: Caller): Finding | undefined {
  if (capSysAdmin !== false) return undefined;
  return {
    code: NO_PRIVILEGE,
    sentence: `this process (uid ${uid}) may not mount: it has no CAP_SYS_ADMIN`,
    hint:
      uid === 0
        ? 'give the container CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN), or run outside of it'
        : "run as root, or inside a user namespace: unshare -Urm node …; a detached mount can be had with rootless: 'auto'",
  };
}

/** The finding for a kernel that is known not to list the filesystem "overlay". */
export function noDriver(listed: boolean | undefined): Finding | undefined {
  if (listed !== false) return undefined;
  return {
    code: 'ERR_OVERLAY_NO_DRIVER',
    sentence: 'this kernel has no overlay filesystem: /proc/filesystems does not list it',
    hint: 'load it as root: modprobe overlay; or use a kernel built with CONFIG_OVERLAY_FS',
  };
}

export const CALLER_RULES: readonly Rule[] = [
  {
    code: NO_PRIVILEGE,
    errnos: [EPERM],
    find: ({ caller }) => [noPrivilege(caller)].filter((finding) => finding !== undefined),
  },
  {
    code: 'ERR_OVERLAY_NEEDS_TRUSTED',
    errnos: [EPERM],
    find: ({ caller, asked, followsAlways }) => {
      if (caller.initialUserNamespace !== false) return [];
      // With userxattr the kernel asks for none, or has refused the two together.
      if (dialectOf(asked.parameters) === 'user') return [];
      const [data] = asked.data;
      if (data !== undefined) {
        return [
          {
            sentence: `${subjectText(data)}: data layers need trusted.* attributes, which a user namespace does not give`,
            hint: 'mount with options: { userxattr: true } (Linux 6.16), or as root outside of the user namespace',
            ...placeOf(data),
          },
        ];
      }
      const needing = asked.parameters.find(
        ({ key, value }) =>
          TRUSTED_OPTIONS.get(key)?.includes(value as string | undefined) ||
          (key === 'redirect_dir' && value === 'off' && followsAlways),
      );
      if (needing === undefined) return [];
      return [
        {
          sentence: `${needing.key}=${needing.value} needs trusted.* attributes, which a user namespace does not give`,
          hint: 'leave the option out here, or mount as root outside of the user namespace',
          option: needing.key,
        },
      ];
    },
  },
];
