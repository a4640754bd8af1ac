// Who runs the tests: which of them need root, which need an ordinary user, and what each does otherwise.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'vitest';
import { everythingIsRequired, missing, printReason, skip } from './requirement.ts';
import { onceARun } from './run-directory.ts';

const CAP_SYS_ADMIN = 21n;
const needsRoot = 'this test needs root (CAP_SYS_ADMIN and the right to mount)';

/** True when this process may mount: it has CAP_SYS_ADMIN, and a mount in a private namespace succeeds. */
export function isPrivileged(): boolean {
  const answer = onceARun(`privileged-${process.geteuid!()}`, (path) =>
    writeFileSync(path, String(mayMount())),
  );
  return readFileSync(answer, 'utf8') === 'true';
}

function mayMount(): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0';
  if (((BigInt(`0x${effective}`) >> CAP_SYS_ADMIN) & 1n) === 0n) return false;
  const attempt = ['--mount', '--propagation', 'private', 'mount', '-t', 'tmpfs', 'probe', '/tmp'];
  return spawnSync('unshare', attempt, { stdio: 'ignore' }).status === 0;
}

/** Ends the running test as skipped, or as failed where everything is required, when it may not mount. */
export function needPrivilege(): void {
  if (!isPrivileged()) missing(needsRoot);
}

type Body = (context: TestContext) => unknown;

/** A test that needs root. */
export function privileged(name: string, body: Body): void {
  test(name, async (context) => {
    needPrivilege();
    await body(context);
  });
}

/** A group of tests whose hooks need root too. */
export function describePrivileged(name: string, body: () => void): void {
  if (isPrivileged()) {
    describe(name, body);
  } else if (everythingIsRequired()) {
    test(name, () => missing(needsRoot));
  } else {
    printReason(needsRoot);
    describe.skip(`${name} [${needsRoot}]`, body);
  }
}

/** A test that only means something for an ordinary user. Root runs skip it, and never fail by that. */
export function unprivileged(name: string, body: Body): void {
  test(name, async (context) => {
    if (process.geteuid!() === 0) skip('this test needs an ordinary user');
    await body(context);
  });
}
