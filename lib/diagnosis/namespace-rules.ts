// Why a user namespace cannot be had: a table of rules on facts, each naming the setting that it found.
import { EACCES, EAGAIN, EINVAL, ENOENT, ENOSPC, ENOSYS, EPERM } from '../kernel/errno.ts';
import { forbiddingSetting } from '../kernel/features/namespace-settings.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { Finding } from './overlay-error.ts';

/** The call that was refused, as KernelError has it. */
export interface RefusedCall {
  /** Negative. */
  readonly errno: number;
  readonly syscall: string;
  /** As text. */
  readonly call: string;
}

interface NamespaceRule {
  readonly code: string;
  /** Positive. */
  readonly errnos: readonly number[];
  /** The calls that it is about; absent: all. */
  readonly syscalls?: readonly string[];
  readonly find: (
    facts: NamespaceFacts,
    refused: RefusedCall,
  ) => { sentence: string; hint: string } | undefined;
}

const FORBIDDEN = 'ERR_OVERLAY_NAMESPACES_FORBIDDEN';
const LIMIT = 'ERR_OVERLAY_NAMESPACE_LIMIT';

/** The setting that says how many there may be, by what is counted. */
function limitOf({ settings }: NamespaceFacts, { call }: RefusedCall): { name: string; value: number } {
  const name = call.includes('0x20000') ? 'user.max_mnt_namespaces' : 'user.max_user_namespaces';
  return { name, value: settings[name] ?? Number.NaN };
}

export const NAMESPACE_RULES: readonly NamespaceRule[] = [
  {
    code: 'ERR_OVERLAY_NO_CHILD',
    errnos: [EAGAIN],
    syscalls: ['clone'],
    find: () => ({
      sentence:
        'no child process can be made: this user, or the cgroup of this process, has as many as it may',
      hint: 'end some of them, or raise RLIMIT_NPROC (ulimit -u) or pids.max of the cgroup',
    }),
  },
  {
    code: FORBIDDEN,
    errnos: [EPERM, EACCES, ENOSPC, EINVAL, ENOSYS],
    find: ({ settings, uid }) => {
      const found = forbiddingSetting(settings, uid);
      if (found === undefined) return undefined;
      return { sentence: `${found.setting} forbids user namespaces to this user`, hint: found.remedy };
    },
  },
  {
    code: FORBIDDEN,
    errnos: [EINVAL, ENOSYS],
    syscalls: ['unshare'],
    find: ({ supported }) =>
      supported === false
        ? {
            sentence: 'this kernel has no user namespaces: there is no /proc/self/ns/user',
            hint: 'use a kernel built with CONFIG_USER_NS, or mount as root',
          }
        : undefined,
  },
  {
    code: FORBIDDEN,
    errnos: [EPERM],
    syscalls: ['unshare'],
    find: ({ chrooted }) =>
      chrooted
        ? {
            sentence:
              'this process is in a chroot, and the kernel gives no user namespace there (unshare(2))',
            hint: 'run outside of the chroot, or use a mount namespace with pivot_root(2), as containers do',
          }
        : undefined,
  },
  {
    code: LIMIT,
    errnos: [ENOSPC],
    syscalls: ['unshare'],
    find: (facts, refused) => {
      const { name, value } = limitOf(facts, refused);
      if (!(value > 0)) return undefined;
      const nested = name === 'user.max_user_namespaces' ? ', or they lie 33 deep in each other' : '';
      return {
        sentence: `the kernel makes no more namespaces: ${name}=${value} are in use here, or as many as an outer namespace allows${nested}`,
        hint: `end processes that have namespaces, or raise it as root: sysctl ${name}=${2 * value}`,
      };
    },
  },
  {
    code: 'ERR_OVERLAY_NO_PROC',
    errnos: [ENOENT],
    syscalls: ['openat'],
    find: ({ proc }) =>
      proc
        ? undefined
        : {
            sentence: '/proc is not mounted here, and the ids of a user namespace are set there',
            hint: 'mount it: mount -t proc proc /proc',
          },
  },
  {
    code: 'ERR_OVERLAY_NOT_DUMPABLE',
    errnos: [EACCES, EPERM],
    syscalls: ['openat', 'write'],
    find: ({ dumpable }) =>
      dumpable === false
        ? {
            sentence:
              'this process is not dumpable (prctl(2), PR_SET_DUMPABLE), as when it has changed its user after its start; so it may not map its ids into a user namespace',
            hint: 'start the process as that user, by spawn with uid and gid or by setpriv, instead of setuid() in it',
          }
        : undefined,
  },
  {
    code: FORBIDDEN,
    errnos: [EPERM, EACCES, ENOSYS],
    find: ({ filtered }, { call }) =>
      filtered
        ? {
            sentence: `${call} is refused, no setting forbids it, and a seccomp filter is in force for this process (Seccomp: 2 in /proc/self/status)`,
            hint: 'allow unshare, setns and the mount calls in the filter: docker run --security-opt seccomp=PROFILE.json',
          }
        : undefined,
  },
];

/** All that fits a refused call, the first first. */
export function findNamespaceCauses(facts: NamespaceFacts, refused: RefusedCall): Finding[] {
  return NAMESPACE_RULES.flatMap(({ code, errnos, syscalls, find }) => {
    if (!errnos.includes(-refused.errno)) return [];
    if (syscalls !== undefined && !syscalls.includes(refused.syscall)) return [];
    const found = find(facts, refused);
    return found === undefined ? [] : [{ code, option: 'rootless', ...found }];
  });
}
