// What the caller may not do.
import { EPERM } from '../kernel/errno.ts';
import type { Rule } from './rule.ts';

const TRUSTED_OPTIONS: ReadonlyMap<string, readonly (string | undefined)[]> = new Map([
  ['redirect_dir', ['on']],
  ['metacopy', ['on']],
  ['verity', ['on', 'require']],
]);

export const CALLER_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_NO_PRIVILEGE',
    errnos: [EPERM],
    find: ({ caller }) =>
      caller.capSysAdmin !== false
        ? []
        : [
            {
              sentence: `this process (uid ${caller.uid}) may not mount: it has no CAP_SYS_ADMIN`,
              hint:
                caller.uid === 0
                  ? 'give the container CAP_SYS_ADMIN (docker run --cap-add SYS_ADMIN), or run outside of it'
                  : 'run as root, or inside a user namespace: unshare -Urm node …',
            },
          ],
  },
  {
    code: 'ERR_OVERLAY_NEEDS_TRUSTED',
    errnos: [EPERM],
    find: ({ caller, asked }) => {
      if (caller.initialUserNamespace !== false) return [];
      const needing = asked.parameters.find(({ key, value }) =>
        TRUSTED_OPTIONS.get(key)?.includes(value as string | undefined),
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
