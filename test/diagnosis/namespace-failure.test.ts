// Machines that give no user namespace, each for real: the error names what is in the way.
import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { explainNamespaceFailure } from '../../lib/diagnosis/namespace-failure.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { fakeErrnoProgram, kernels } from '../support/fake-errno.ts';
import { asNobody, printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly option?: string;
  readonly grown: number;
}

/** Mounts without root, must fail, and tells how; both forms tell the same. */
const attempt = `
  import { readdirSync } from 'node:fs';
  import { mount, mountSync } from 'overlayfs';
  const open = () => readdirSync('/proc/self/fd').length;
  const tell = ({ code, message, hint, option }) => ({ code, message, hint, option });
  const spec = { lower: '/usr', rootless: true };
  const later = await mount(spec).then(() => ({}), tell);
  const before = open();
  let now = {};
  try { mountSync(spec); } catch (error) { now = tell(error); }
  if (JSON.stringify(now) !== JSON.stringify(later)) throw new Error(JSON.stringify([now, later]));
  console.log(JSON.stringify({ ...now, grown: open() - before }));`;

const inside = (setting: string) => [
  'unshare',
  '--user',
  '--map-root-user',
  'sh',
  '-c',
  `echo 0 > /proc/sys/user/${setting} && exec "$@"`,
  'sh',
];

test.each(['max_user_namespaces', 'max_mnt_namespaces'])('user.%s=0 is named', (setting) => {
  needUserNamespaces();
  const told = printedJson<Told>(asNobody(attempt, { under: inside(setting) }));
  expect(told).toMatchObject({ code: 'ERR_OVERLAY_NAMESPACES_FORBIDDEN', option: 'rootless', grown: 0 });
  expect(told.message).toContain(`user.${setting}=0`);
  expect(told.hint).toContain(`sysctl user.${setting}=`);
});

test('a limit that is reached is named', () => {
  needUserNamespaces();
  const script = `
    import { Worker } from 'node:worker_threads';
    import { mountSync } from 'overlayfs';
    const view = mountSync({ lower: '/usr', rootless: true });
    // A thread of its own has a user namespace of its own.
    const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(\`
      import { parentPort, workerData } from 'node:worker_threads';
      const { mountSync } = await import(workerData);
      try { mountSync({ lower: '/usr', rootless: true }); parentPort.postMessage({}); }
      catch ({ code, message }) { parentPort.postMessage({ code, message }); }\`)), { workerData: import.meta.resolve('overlayfs') });
    worker.once('message', (told) => { view.unmountSync(); console.log(JSON.stringify(told)); });`;
  const under = inside('max_user_namespaces').map((word) => word.replace('echo 0', 'echo 1'));
  const told = printedJson<Told>(asNobody(script, { under }));
  expect(told.code).toBe('ERR_OVERLAY_NAMESPACE_LIMIT');
  expect(told.message).toContain('user.max_user_namespaces=1');
});

test('a seccomp filter that forbids it is told of, as what may be the reason', () => {
  const under = [fakeErrnoProgram(), ...kernels.withoutUserNamespaces, '--'];
  const told = printedJson<Told>(asNobody(attempt, { under }));
  expect(told).toMatchObject({ code: 'ERR_OVERLAY_NAMESPACES_FORBIDDEN', option: 'rootless', grown: 0 });
  expect(told.message).toMatch(/unshare\(0x10000000\).*seccomp filter/);
});

test('where no child process can be made', () => {
  const told = printedJson<Told>(
    asNobody(attempt, { under: [fakeErrnoProgram(), 'clone@0:0x4500=EAGAIN', '--'] }),
  );
  expect(told).toMatchObject({ code: 'ERR_OVERLAY_NO_CHILD', grown: 0 });
});

privileged('a process that has changed its user after its start is not dumpable', () => {
  const script = `const { default: run } = await import('data:text/javascript,export default 0'); void run;
    await import('overlayfs'); process.setgid(65534); process.setuid(65534); ${attempt.replaceAll(/^\s*import (.*) from (.*);$/gm, 'const $1 = await import($2);')}`;
  const told = printedJson<Told>(runNode(script));
  expect(told).toMatchObject({ code: 'ERR_OVERLAY_NOT_DUMPABLE', grown: 0 });
});

privileged('a process in a chroot', () => {
  const root = scratchDirectory().path;
  const script = [
    'mount --make-rprivate /',
    `for d in /*; do [ -d "$d" ] && [ ! -h "$d" ] && mkdir -p "${root}$d" && mount --rbind "$d" "${root}$d"; [ -h "$d" ] && cp -P "$d" "${root}/"; done`,
    `here=$PWD; exec chroot "${root}" sh -c 'cd "$0" && exec "$@"' "$here" "$@"`,
  ].join('; ');
  mkdirSync(`${root}/proc`);
  const under = ['unshare', '--mount', 'sh', '-c', script, 'sh'];
  const told = printedJson<Told>(runNode(attempt, { under }));
  expect(told.code).toBe('ERR_OVERLAY_NAMESPACES_FORBIDDEN');
  expect(told.message).toContain('chroot');
});

test('what nothing explains is not explained', () => {
  const error = new KernelError({
    errno: 12,
    syscall: 'unshare',
    call: 'unshare(0x10000000)',
    log: '',
    step: 0,
  });
  const told = runSync(explainNamespaceFailure(error));
  expect(told).toMatchObject({
    code: 'ERR_OVERLAY_UNEXPLAINED',
    option: 'rootless',
    cause: error,
    errno: -12,
  });
  expect(told.message).toContain('unshare(0x10000000): ENOMEM');
});
