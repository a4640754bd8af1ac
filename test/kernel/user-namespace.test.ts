// The user namespace of a thread: made once, kept, of this user alone; and never entered by this process.
import { readlinkSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { AT_FDCWD, procPath } from '../../lib/kernel/constants.ts';
import { Program, WANT } from '../../lib/kernel/program.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { addEntry, ENTRY_STEPS, userNamespace } from '../../lib/kernel/user-namespace.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { openDescriptors } from '../support/leaks.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { needPrivilege } from '../support/privilege.ts';

/** What a program sees in there. */
function seenInside(namespace: number, path: string): string {
  const program = new Program(undefined, 'child');
  addEntry(program, namespace);
  expect(program.steps).toBe(ENTRY_STEPS);
  const file = program.add('openat', 0, AT_FDCWD, path, 0, 0);
  const text = program.add('read', WANT, file, 4096);
  program.now();
  return program.bytes(text)!.toString();
}

describe('a user namespace', () => {
  test('is made once a thread, whoever asks first', async () => {
    needUserNamespaces();
    const fds = await Promise.all([userNamespace(), userNamespace(), userNamespace()].map(runAsync));
    const before = openDescriptors();
    expect(new Set([...fds, runSync(userNamespace())]).size).toBe(1);
    expect(readlinkSync(procPath(fds[0]!))).toMatch(/^user:\[\d+\]$/);
    expect(readlinkSync(procPath(fds[0]!))).not.toBe(readlinkSync('/proc/self/ns/user'));
    expect(openDescriptors()).toEqual(before);
    // This process has stayed as dumpable as it was: its files in /proc are still its user's.
    expect(statSync('/proc/self/status').uid).toBe(process.geteuid!());
  });

  test('maps this user and group to themselves, and nobody else; all capabilities are there', () => {
    needUserNamespaces();
    const fd = runSync(userNamespace());
    const [uid, gid] = [process.geteuid!(), process.getegid!()];
    expect(seenInside(fd, '/proc/self/uid_map').trim().split(/\s+/)).toEqual([`${uid}`, `${uid}`, '1']);
    expect(seenInside(fd, '/proc/self/gid_map').trim().split(/\s+/)).toEqual([`${gid}`, `${gid}`, '1']);
    const status = seenInside(fd, '/proc/self/status');
    expect((BigInt(`0x${/^CapEff:\s*(\w+)/m.exec(status)![1]}`) >> 21n) & 1n).toBe(1n);
    expect(status).toMatch(new RegExp(`^Uid:\\s+${uid}\\s`, 'm'));
  });

  test('is made anew after the user has changed', () => {
    needPrivilege();
    const script = `
      import { readdirSync, readlinkSync } from 'node:fs';
      import { mountSync } from 'overlayfs';
      const namespaces = () => readdirSync('/proc/self/fd').flatMap((fd) => {
        try { return [readlinkSync('/proc/self/fd/' + fd)].filter((link) => link.startsWith('user:')); } catch { return []; }
      });
      const view = () => mountSync({ lower: '/usr', rootless: true }).unmountSync();
      view();
      const first = namespaces();
      process.setegid(65534);
      view();
      const second = namespaces();
      console.log(JSON.stringify({ counts: [first.length, second.length], same: first[0] === second[0] }));`;
    expect(printedJson(runNode(script))).toEqual({ counts: [1, 1], same: false });
  });
});
