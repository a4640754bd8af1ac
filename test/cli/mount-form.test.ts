import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { which } from '../support/command.ts';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { overlayfs, overlayfsAsNobody, privately, shell } from './run-program.ts';

privileged("mounts from mount(8)'s words", () => {
  const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
  const text = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},nosuid`;
  expect(overlayfs(['mount', '-t', 'overlay', '-o', text, 'mine', target])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: '',
  });
  expect(mountsBelow(target)).toEqual([{ point: target, type: 'overlay', source: 'mine' }]);
  expect(overlayfs(['umount', target]).status).toBe(0);
});
privileged("mounts from podman's words: empty options, layers relative to the current directory", () => {
  const scratch = scratchDirectory();
  scratch.layers({ lower: 2 });
  const words = 'lowerdir=lower0:lower1,upperdir=upper,workdir=work,,volatile target';
  const outcome = shell(`"$O" mount -o ${words} && cat target/shared && "$O" umount target`, scratch.path);
  expect(outcome).toMatchObject({ status: 0, stdout: 'lower0', stderr: '' });
});
privileged('-f mounts nothing and finds what is missing, -v tells', () => {
  const { lower, target } = scratchDirectory().layers();
  const outcome = overlayfs(['mount', '-f', '-v', '-o', `lowerdir=${lower[0]}`, 'overlay', target]);
  expect(outcome).toMatchObject({
    status: 0,
    stdout: `overlayfs: would mount an overlay on ${target}\n`,
    stderr: '',
  });
  expect(overlayfs(['mount', '-f', '-o', 'lowerdir=/no/such', target]).status).toBe(32);
  expect(mountsBelow(target)).toEqual([]);
});
privileged('an unknown option fails, and is left out with -s', () => {
  const { lower, target } = scratchDirectory().layers();
  const text = `lowerdir=${lower[0]},bogus`;
  const strict = overlayfs(['mount', '-o', text, target]);
  expect(strict.status).toBe(32);
  expect(strict.stderr).toMatch(/^overlayfs: .*bogus.*\n$/);
  const sloppy = overlayfs(['mount', '-sv', '-o', text, target]);
  expect(sloppy.status).toBe(0);
  expect(sloppy.stdout).toMatch(
    /^overlayfs: option bogus is unknown and left out\noverlayfs: overlay mounted on /,
  );
  expect(overlayfs(['umount', target]).status).toBe(0);
});
privileged('a remount changes attributes and nothing else', () => {
  const { lower, upper, work, target } = scratchDirectory().layers();
  expect(overlayfs(['mount', '-o', 'remount,ro', target])).toMatchObject({ status: 32 });
  const text = `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`;
  expect(overlayfs(['mount', '-o', text, target]).status).toBe(0);
  const writable = () => spawnSync('touch', [`${target}/new`]).status === 0;
  const remount = (...words: string[]) => overlayfs(['mount', ...words, target]);
  expect(remount('-f', '-o', 'remount,ro')).toMatchObject({ status: 0, stderr: '' });
  expect(writable()).toBe(true);
  expect(remount('-v', '-o', `ro,noexec,remount,${text}`)).toMatchObject({
    status: 0,
    stdout: `overlayfs: ${target} remounted\n`,
    stderr: '',
  });
  expect(writable()).toBe(false);
  const changed = remount('-o', 'remount,rw,metacopy=on');
  expect(changed.status).toBe(32);
  expect(changed.stderr).toContain('metacopy cannot be changed by a remount');
  expect(writable()).toBe(false);
  expect(remount('-o', 'remount,rw').status).toBe(0);
  expect(writable()).toBe(true);
  expect(overlayfs(['umount', target]).status).toBe(0);
});
test.each([
  [['-q', '/m'], 1, 'there is no flag -q'],
  [['-o', 'lowerdir=/a'], 1, 'the mount point is missing'],
  [
    ['-o', 'lowerdir=/a', '-N', '/proc/self/ns/net', '/m'],
    1,
    '-N /proc/self/ns/net: this works in the mount namespace of its own process only; enter the other one with nsenter(1)',
  ],
  [
    ['-o', 'upperdir=/a', '/m'],
    32,
    'lowerdir is missing (ERR_OVERLAY_NO_LOWER: name at least one directory: -o lowerdir=/a)',
  ],
])('%j: exit code %i and one line', (args, status, line) => {
  expect(overlayfs(['mount', ...args])).toMatchObject({ status, stdout: '', stderr: `overlayfs: ${line}\n` });
});
privileged('its own mount namespace may be named', () => {
  const { lower, target } = scratchDirectory().layers();
  const outcome = overlayfs(['mount', '-f', '-N', '/proc/self/ns/mnt', '-o', `lowerdir=${lower[0]}`, target]);
  expect(outcome).toMatchObject({ status: 0, stderr: '' });
});
test('no permission: 1', () => {
  const { lower, target } = scratchDirectory().layers();
  expect(overlayfsAsNobody(['mount', '-o', `lowerdir=${lower[0]}`, target])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^overlayfs: .*\(ERR_OVERLAY_NO_PRIVILEGE: .*\)\n$/),
  });
});

/** The place of mount programs, changed for one mount namespace only. */
function withPrograms(scratch: Scratch, script: string): string {
  const place = readdirSync('/').includes('sbin') ? '$(realpath /sbin)' : '/usr/sbin';
  const [over, work] = [scratch.directory('sbin-upper'), scratch.directory('sbin-work')];
  return `set -e; mount -t overlay overlay -o lowerdir=${place},upperdir=${over},workdir=${work} ${place}
ln -s "$O" ${place}/mount.ovltest; ln -s "$O" ${place}/umount.overlay; set +e
${script}`;
}

privileged('works from a line of fstab, as /sbin/mount.TYPE and /sbin/umount.TYPE', () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers();
  const text = `lowerdir=${lower[0]},upperdir=${upper},workdir=${work},nosuid,noauto,nofail,x-mine=1`;
  const table = scratch.file('fstab', `overlay ${target} ovltest ${text} 0 0\n`);
  const script = `mount -T ${table} ${target}; echo $?; cat ${target}/shared; echo
    grep -c ' ${target} .*nosuid.* - overlay ' /proc/self/mountinfo; umount -v ${target}; echo $?
    mount -f -t ovltest -o lowerdir=${lower[0]} x ${target}; echo $?
    mount -t ovltest.sub -o ro,lowerdir=${lower[0]} x ${target}; echo $?
    mount -t ovltest -o remount,nosuid ${target}; echo $?; umount ${target}; echo $?
    mount -t ovltest -o lowerdir=/no/such x ${target}; echo $?
    mount -T ${table} ${target}; cd ${target}; umount ${target}; echo $?; umount -l ${target}; echo $?`;
  const outcome = shell(withPrograms(scratch, script), scratch.path, privately);
  expect(outcome.stdout.split('\n')).toEqual([
    ...['0', 'lower0', '1', `overlayfs: ${target} unmounted`, '0'],
    ...['0', '0', '0', '0', '32', '32', '0', ''],
  ]);
  expect(outcome.stderr).toMatch(
    /^overlayfs: lower.*"\/no\/such".*\n {2}\/no\/such\n {3}\^\^\noverlayfs: target .* is busy: .*\n$/,
  );
});

privileged("is podman's mount_program", () => {
  if (which('podman') === undefined) missing('podman is not installed');
  const scratch = scratchDirectory();
  scratch.file('image/a', 'one');
  scratch.file('prog', `#!/bin/sh\necho "$*" >> ${scratch.join('log')}\nexec "$O" mount "$@"\n`);
  for (const name of ['store', 'tmp']) scratch.directory(name);
  // podman takes no runroot of more than 50 bytes: a private /run is short.
  const script = `mount -t tmpfs run /run && chmod +x prog; tar -C image -cf image.tar .
podman() { command podman --root "$PWD/store" --runroot /run/ovl --tmpdir "$PWD/tmp" --storage-driver overlay \\
  --storage-opt overlay.mount_program="$PWD/prog" --cgroup-manager cgroupfs --events-backend none "$@"; }
podman import -q image.tar tiny:1 > /dev/null && id=$(podman create tiny:1 /bin/true) && at=$(podman mount "$id") || exit 1
cat "$at/a"; echo new > "$at/b"; grep -c " $at .* - overlay " /proc/self/mountinfo
podman umount "$id" > /dev/null; grep -c " $at " /proc/self/mountinfo; podman rm -a > /dev/null; umount -R store/overlay 2> /dev/null
true`;
  const outcome = shell(script, scratch.path, privately);
  expect([outcome.stderr, outcome.stdout]).toEqual(['', 'one1\n0\n']);
  expect(readFileSync(scratch.join('log'), 'utf8')).toMatch(
    /^-o lowerdir=\S+,upperdir=\S+,workdir=\S+, \S+\/merged$/m,
  );
});
