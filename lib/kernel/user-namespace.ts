// The user namespace of this thread: in it an ordinary user may mount. This process never goes there, its children do.
import { close } from './call.ts';
import { AT_FDCWD, CLONE_NEWNS, CLONE_NEWUSER, O_RDONLY, O_WRONLY } from './constants.ts';
import { KEEP, Program } from './program.ts';
import type { Routine } from './routine.ts';

/** Who a process is, and so what its user namespace maps. */
interface Identity {
  readonly uid: number;
  readonly gid: number;
}

function addWrite(program: Program, name: string, text: string): void {
  const file = program.add('openat', 0, AT_FDCWD, `/proc/self/${name}`, O_WRONLY, 0);
  program.add('write', 0, file, Buffer.from(text));
}

/**
 * Makes a user namespace that maps the user and the group of this process, each to itself, and nobody else, and gives a
 * descriptor of it. Source: user_namespaces(7).
 *
 * @throws {KernelError} the call that was refused: clone, unshare, openat or write
 */
function* makeUserNamespace({ uid, gid }: Identity): Routine<number> {
  const program = new Program(undefined, 'child');
  program.add('unshare', 0, CLONE_NEWUSER);
  // Without it an ordinary user may not map a group.
  addWrite(program, 'setgroups', 'deny');
  addWrite(program, 'uid_map', `${uid} ${uid} 1`);
  addWrite(program, 'gid_map', `${gid} ${gid} 1`);
  const namespace = program.add('openat', KEEP, AT_FDCWD, '/proc/self/ns/user', O_RDONLY, 0);
  yield* program.run();
  return program.value(namespace);
}

let known: (Identity & { readonly fd: number }) | undefined;

/**
 * A descriptor of the user namespace of this thread, made at first use and kept: so a mount costs less, an overlay can
 * be a layer of the next, and a thousand of them count once against user.max_user_namespaces.
 *
 * @throws {KernelError} the call that was refused: clone, unshare, openat or write
 */
export function* userNamespace(): Routine<number> {
  const identity = { uid: process.geteuid!(), gid: process.getegid!() };
  const isKnown = () => known !== undefined && known.uid === identity.uid && known.gid === identity.gid;
  if (isKnown()) return known!.fd;
  const fd = yield* makeUserNamespace(identity);
  // Many promises may have found none at the same time: the first to have made one wins.
  if (isKnown()) {
    close(fd);
  } else {
    // Somebody else's, of before setuid(2).
    if (known !== undefined) close(known.fd);
    known = { ...identity, fd };
  }
  return known!.fd;
}

/** How many steps addEntry adds. */
export const ENTRY_STEPS = 2;

/** Begins a program of a child: it enters that user namespace, and a mount namespace of its own, a copy of this one. */
export function addEntry(program: Program, namespace: number): void {
  program.add('setns', 0, namespace, CLONE_NEWUSER);
  program.add('unshare', 0, CLONE_NEWNS);
}
