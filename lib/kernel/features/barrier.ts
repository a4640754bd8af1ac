// The one answer for everything that could not be tried, when this process cannot mount an overlay at all.
import type { KernelError } from '../kernel-error.ts';
import { type FeatureAnswer, no, remedyFor, unknown } from './answer.ts';
import type { Caller } from './caller.ts';
import type { UserNamespaces } from './user-namespace.ts';

export function barrierAnswer(
  refusal: KernelError,
  caller: Caller,
  userNamespaces: UserNamespaces,
): FeatureAnswer {
  if (refusal.code === 'ENODEV') return no(refusal.message, remedyFor(refusal));
  const untried = `not tried: ${refusal.message}`;
  if (refusal.code !== 'EPERM') return unknown(untried, remedyFor(refusal));
  if (caller.capSysAdmin)
    return unknown(
      untried,
      'Let the seccomp filter or security module of the container or service allow mounts.',
    );
  if (userNamespaces.available === false)
    return no(
      `${refusal.message}; and no user namespace can be made (see userNamespaces)`,
      userNamespaces.remedy,
    );
  return unknown(
    untried,
    'Ask as root, or inside a user namespace: unshare --user --map-root-user --mount overlayfs doctor',
  );
}
