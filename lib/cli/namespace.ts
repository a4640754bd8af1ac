// mount(8)'s -N: which mount namespace is meant, and that it can only be the one of this process.
import { statSync } from 'node:fs';
import { UsageError } from './flags.ts';

function isOurs(namespace: string): boolean {
  const file = /^\d+$/.test(namespace) ? `/proc/${namespace}/ns/mnt` : namespace;
  try {
    const [ours, theirs] = [statSync('/proc/self/ns/mnt'), statSync(file)];
    return theirs.dev === ours.dev && theirs.ino === ours.ino;
  } catch {
    return false; // a namespace that cannot be looked at is none that this process is in
  }
}

/** @param namespace a process id, or a file such as /proc/1/ns/mnt. @throws {UsageError} for another one than ours */
export function requireOwnNamespace(namespace: string | undefined): void {
  if (namespace === undefined || isOurs(namespace)) return;
  throw new UsageError(
    `-N ${namespace}: this works in the mount namespace of its own process only; enter the other one with nsenter(1)`,
  );
}
