// Runs scripts on a kernel that seems to lack, or to fail, chosen system calls.
import { fileURLToPath } from 'node:url';
import { run, which } from './command.ts';
import { type NodeOptions, type Outcome, runNode } from './node-process.ts';
import { missing } from './requirement.ts';
import { onceARun } from './run-directory.ts';

const source = fileURLToPath(new URL('fake-errno.c', import.meta.url));

/** Rules, in the grammar of fake-errno.c, that make this kernel look like an older or a poorer one. */
export const kernels = {
  /** Before Linux 5.2: no fsopen and what belongs to it. */
  withoutNewMountApi: ['fsopen', 'fsconfig', 'fsmount', 'fspick', 'move_mount', 'open_tree'].map(
    (call) => `${call}=ENOSYS`,
  ),
  /** Before Linux 6.13: layers cannot be descriptors (FSCONFIG_SET_FD is 5). */
  withoutLayerDescriptors: ['fsconfig@1:5=EINVAL'],
  /** Before Linux 6.7: overlay has no lowerdir+ and datadir+. */
  withoutLayerKeys: ['fsconfig:lowerdir+=EINVAL', 'fsconfig:datadir+=EINVAL'],
  /** Before Linux 6.8: no statmount and listmount. */
  withoutStatmount: ['statmount=ENOSYS', 'listmount=ENOSYS'],
  /** Before Linux 5.12: no mount_setattr. */
  withoutMountSetattr: ['mount_setattr=ENOSYS'],
  /** A kernel built without overlay. */
  withoutOverlay: ['fsopen:overlay=ENODEV', 'mount:overlay=ENODEV'],
  /** A system that forbids user namespaces. */
  withoutUserNamespaces: ['unshare@0&0x10000000=EPERM', 'clone@0&0x10000000=EPERM', 'clone3=ENOSYS'],
} as const satisfies Record<string, readonly string[]>;

/** The compiled helper, made once a run. Without a C compiler the test is skipped. */
export function fakeErrnoProgram(): string {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => which(name) !== undefined);
  if (compiler === undefined) missing('there is no C compiler (install gcc)');
  return onceARun(
    'fake-errno',
    (path) => void run(compiler, '-std=gnu11', '-O1', '-Wall', '-o', path, source),
  );
}

/** Runs a script in a Node whose system calls fail by the rules. */
export function runFaked(
  rules: readonly string[],
  script: string | URL,
  options: Omit<NodeOptions, 'under'> = {},
): Outcome {
  return runNode(script, { ...options, under: [fakeErrnoProgram(), ...rules, '--'] });
}
