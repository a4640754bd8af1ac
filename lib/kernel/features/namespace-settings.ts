// The settings of a system that forbid user namespaces, and which of them does.
import { readIfPossible } from '../files.ts';
import type { Routine } from '../routine.ts';

interface Setting {
  readonly name: string;
  /** Whether this value forbids a user namespace, or its use, to that user. */
  readonly forbids: (value: number, uid: number) => boolean;
  readonly remedy: string;
}

/** Sources: namespaces(7) for user.max_*, Debian's and Ubuntu's kernel patches for the others. */
const settings: readonly Setting[] = [
  {
    name: 'user.max_user_namespaces',
    forbids: (value) => value === 0,
    remedy: 'Raise it as root: sysctl user.max_user_namespaces=15000',
  },
  {
    name: 'user.max_mnt_namespaces',
    forbids: (value) => value === 0,
    remedy: 'Raise it as root: sysctl user.max_mnt_namespaces=15000',
  },
  {
    name: 'kernel.unprivileged_userns_clone',
    forbids: (value, uid) => value === 0 && uid !== 0,
    remedy: 'Allow it as root: sysctl kernel.unprivileged_userns_clone=1',
  },
  {
    name: 'kernel.apparmor_restrict_unprivileged_userns',
    forbids: (value, uid) => value !== 0 && uid !== 0,
    remedy:
      'Give the program an AppArmor profile with userns, or as root: sysctl kernel.apparmor_restrict_unprivileged_userns=0',
  },
];

/** The values by the names of sysctl(8); what this kernel does not have is left out. */
export type NamespaceSettings = Readonly<Record<string, number>>;

export function* readNamespaceSettings(): Routine<NamespaceSettings> {
  const values: Record<string, number> = {};
  for (const { name } of settings) {
    const text = yield* readIfPossible(`/proc/sys/${name.replace('.', '/')}`);
    if (text !== undefined) values[name] = Number(text.toString());
  }
  return values;
}

/** The first setting that forbids, as `name=value`, with its remedy. */
export function forbiddingSetting(
  values: NamespaceSettings,
  uid: number,
): { setting: string; remedy: string } | undefined {
  const found = settings.find(({ name, forbids }) => name in values && forbids(values[name]!, uid));
  return found && { setting: `${found.name}=${values[found.name]}`, remedy: found.remedy };
}
