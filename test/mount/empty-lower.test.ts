// A read-only view of one lower: for every caller, by every way, and with the lower's own names alone.
import { chmodSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { endsInEmptyLower, needsEmptyLower } from '../../lib/mount/empty-lower.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** Views one lower in both forms, attached and detached, and says what is there and what is listed. */
const script = `
  import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { listSync, mount, mountSync } from 'overlayfs';
  const { lower, target, via } = JSON.parse(process.argv[1]);
  const said = [];
  for (const make of [mountSync, mount]) for (const where of [{ target }, {}]) {
    const view = await make({ lower, via, ...where });
    let written;
    try { writeFileSync(view.path + '/new', ''); } catch ({ code }) { written = code; }
    const names = readdirSync(view.path).sort();
    const listed = listSync().find((entry) => entry.target === target);
    said.push([names, readFileSync(view.path + '/shared', 'utf8'), written, listed?.lower, listed?.unknown]);
    await view.unmount();
  }
  const left = readdirSync(tmpdir()).filter((name) => /empty-lower|foothold/.test(name));
  console.log(JSON.stringify({ said, left, mounts: listSync().length }));`;

function expectViews(run: (args: string[]) => Parameters<typeof printedJson>[0], via: string) {
  const scratch = scratchDirectory();
  chmodSync(scratch.path, 0o777);
  const { lower, target } = scratch.layers({ upper: false, work: false });
  const { said, left } = printedJson<{ said: unknown[]; left: string[] }>(
    run([JSON.stringify({ lower: lower[0], target, via })]),
  );
  const content = [['dir', 'from-lower0', 'shared'], 'lower0', 'EROFS'];
  const attached = [...content, lower, []];
  const detached = [...content, null, null];
  expect(said).toEqual([attached, detached, attached, detached]);
  expect(left).toEqual([]);
}

describe.each(['fsopen', 'mount', 'auto'])('via %s', (via) => {
  test('by an ordinary user in a namespace of its own', () => {
    const under = ['unshare', '--user', '--map-root-user', '--mount'];
    expectViews((args) => asNobody(script, { args, under }), via);
  });
});

describePrivileged('by root', () => {
  test.each([
    ['on this kernel', ['flock=ENOSYS']],
    ['on one that takes no layers of a detached mount', ['fsconfig@1:5=EINVAL']],
    ['on one without mount_setattr', kernels.withoutMountSetattr],
    ['on one without the new mount API', kernels.withoutNewMountApi],
    ['on one that fails to make the tmpfs', ['fsopen:tmpfs=ENODEV']],
  ] as const)('%s', (_, rules) => {
    expectViews((args) => runFaked(rules, script, { args }), 'auto');
  });
});

test('is needed for one lower alone', () => {
  for (const [spec, needed] of [
    [{ lower: '/l' }, true],
    [{ lower: ['/l'] }, true],
    [{ lower: ['/l', '/m'] }, false],
    [{ lower: '/l', upper: '/u' }, false],
    [{ lower: '/l', data: ['/d'] }, false],
  ] as const) {
    expect(needsEmptyLower(readSpec(spec))).toBe(needed);
  }
});

test('is told from lowers of the user by where it lies', () => {
  const ends = (...lower: string[]) => endsInEmptyLower(lower.map((path) => Buffer.from(path)));
  expect(ends('/l', '/overlayfs-empty-lower')).toBe(true);
  expect(ends('/l', '/tmp/overlayfs-empty-lower-aB3dE6/overlayfs-empty-lower')).toBe(true);
  expect(ends('/l', '/srv/overlayfs-empty-lower')).toBe(false);
  expect(ends('/l', '/tmp/overlayfs-empty-lower-aB3dE6')).toBe(false);
  expect(ends('/overlayfs-empty-lower', '/l')).toBe(false);
  expect(ends('/l', '/m', '/overlayfs-empty-lower')).toBe(false);
});
