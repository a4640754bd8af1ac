// Options that the kernel, asked again for each alone, does not take.
import { nearestName } from '../format/nearest-name.ts';
import { OPTION_KEYS } from '../format/options.ts';
import { EINVAL } from '../kernel/errno.ts';
import type { RefusedOption } from './option-facts.ts';
import { shown } from './overlay-error.ts';
import type { Rule } from './rule.ts';

const SELINUX: readonly string[] = ['context', 'fscontext', 'defcontext', 'rootcontext', 'seclabel'];

// Words of mount(8) and fstab(5) that no filesystem gets.
const FOR_PROGRAMS =
  /^(?:defaults|auto|noauto|(?:no)?user|users|(?:no)?owner|group|nofail|_netdev|remount|r?bind|move|x-.*|X-.*|comment)$/;
const ATTRIBUTES = /^(?:nosuid|nodev|noexec|noatime|relatime|strictatime|nodiratime|nosymfollow)$/;

function hintFor({ parameter: { key } }: RefusedOption): string {
  if (FOR_PROGRAMS.test(key))
    return `leave ${key} out: it is a word of mount(8) and fstab(5), and no filesystem's`;
  if (ATTRIBUTES.test(key)) return `it is an attribute of the mount: pass attributes: { ${key}: true }`;
  if (SELINUX.includes(key)) return `leave ${key} out: the kernel takes it only where SELinux is active`;
  const near = OPTION_KEYS.has(key) ? undefined : nearestName(key, OPTION_KEYS.keys());
  return near === undefined
    ? 'leave it out, or correct its value: features() tells which options this kernel has'
    : `did you mean ${near}? otherwise leave it out`;
}

export const OPTION_RULES: readonly Rule[] = [
  {
    code: 'ERR_OVERLAY_OPTION_REFUSED',
    errnos: [EINVAL],
    find: ({ refusedOptions }) =>
      refusedOptions
        .filter(({ errno }) => errno === EINVAL)
        .map((refused) => {
          const { key, value } = refused.parameter;
          const spelled = value === undefined ? key : `${key}=${shown(value)}`;
          const words = refused.words === '' ? '' : `, and says: ${refused.words}`;
          return {
            sentence: `option ${spelled}: this kernel refuses it${words}`,
            hint: hintFor(refused),
            option: key,
          };
        }),
  },
];
