// keep(): what a throw-away overlay has become, as a tree and as an upper, with everything that an entry has, or not at all.
import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { ScratchOptions } from '../../lib/format/mount-spec.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD, S_IFCHR, S_IFIFO } from '../../lib/kernel/constants.ts';
import { compareTrees } from '../../lib/layer/compare-trees.ts';
import { openStack } from '../../lib/layer/stack.ts';
import type { KeepOptions } from '../../lib/mount/keep.ts';
import { mount } from '../../lib/mount/mount.ts';
import { scratch } from '../../lib/mount/scratch.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { isPrivileged, privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr, xattrsOf } from '../support/xattr.ts';
import { errorOf } from './forms.ts';

const ODD = Buffer.from([0x6f, 0xff, 0x0a, 0x3a, 0x2c, 0x5c]);

const under = (directory: string, name: Buffer) => Buffer.concat([Buffer.from(`${directory}/`), name]);

/** A lower with everything that a directory can hold. */
function plantLower(lower: string): void {
  mkdirSync(`${lower}/dir/deep`, { recursive: true });
  mkdirSync(`${lower}/gone`);
  writeFileSync(`${lower}/gone/x`, 'x');
  writeFileSync(`${lower}/dir/deep/file`, 'deep');
  writeFileSync(`${lower}/one`, 'names');
  linkSync(`${lower}/one`, `${lower}/dir/two`);
  symlinkSync(ODD, `${lower}/link`);
  writeFileSync(`${lower}/old`, 'old');
  utimesSync(`${lower}/old`, 1, -12.25);
  writeFileSync(`${lower}/tagged`, 'tagged', { mode: 0o640 });
  setXattr(`${lower}/tagged`, 'user.note', Buffer.from([0, 255, 10]));
  writeFileSync(`${lower}/holes`, '');
  truncateSync(`${lower}/holes`, 3 * 2 ** 20);
  writeFileSync(under(lower, ODD), 'odd');
  callSync('mknodat', AT_FDCWD, `${lower}/fifo`, S_IFIFO | 0o600, 0);
  writeFileSync(`${lower}/changed`, 'before');
  chmodSync(lower, 0o751);
}

function change(view: string): void {
  writeFileSync(`${view}/changed`, 'after');
  rmSync(`${view}/gone`, { recursive: true });
  mkdirSync(`${view}/gone`);
  writeFileSync(`${view}/gone/y`, 'y');
  rmSync(`${view}/old`);
  mkdirSync(`${view}/new/below`, { recursive: true });
  writeFileSync(`${view}/new/a`, 'a');
  linkSync(`${view}/new/a`, `${view}/new/below/b`);
  linkSync(`${view}/new/a`, `${view}/new/c`);
  const fd = openSync(`${view}/new/sparse`, 'w');
  writeSync(fd, 'end', 2 ** 21);
  closeSync(fd);
  symlinkSync('a', `${view}/new/link`);
  renameSync(under(view, ODD), under(`${view}/new`, ODD));
  chmodSync(`${view}/tagged`, 0o4711);
  setXattr(`${view}/tagged`, 'user.more', 'more');
  utimesSync(`${view}/new/below`, 5, 123456789.5);
  chmodSync(`${view}/new/below`, 0o500);
}

async function differences(one: string, other: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { path, kind, what } of compareTrees(one, other)) found.push(`${kind} ${path} ${what}`);
  return found;
}

interface Way {
  readonly name: string;
  readonly rootless: boolean;
  readonly disk: boolean;
}

const ways: Way[] = [false, true]
  .filter((rootless) => rootless || isPrivileged())
  .flatMap((rootless) =>
    [false, true].map((disk) => ({
      name: `${rootless ? 'without' : 'with'} root, changes ${disk ? 'on disk' : 'in memory'}`,
      rootless,
      disk,
    })),
  );

describe.each(ways)('$name', ({ rootless, disk }) => {
  const make = async (options: ScratchOptions = {}) => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const lower = place.directory('lower');
    plantLower(lower);
    const upperOn = disk ? { upperOn: place.directory('disk') } : {};
    const fork = await scratch(lower, { rootless, ...upperOn, ...options });
    return { place, lower, fork };
  };

  test('as a tree: all that the overlay shows, in everything that an entry has', async () => {
    const { place, fork } = await make();
    change(fork.path);
    if (!rootless) chownSync(`${fork.path}/new/a`, 12, 34);
    const kept = place.join('kept');
    const before = openDescriptors();
    await fork.keep(kept);
    expect(openDescriptors()).toEqual(before);
    expect(await differences(fork.path, kept)).toEqual([]);
    const root = statSync(kept, { bigint: true });
    const view = statSync(fork.path, { bigint: true });
    expect([root.mode, root.mtimeNs, root.uid]).toEqual([view.mode, view.mtimeNs, view.uid]);
    for (const names of [
      ['one', 'dir/two'],
      ['new/a', 'new/below/b', 'new/c'],
    ])
      expect(new Set(names.map((name) => lstatSync(`${kept}/${name}`).ino)).size).toBe(1);
    expect(lstatSync(`${kept}/holes`).blocks).toBe(0);
    expect(lstatSync(`${kept}/new/sparse`).blocks * 512).toBeLessThan(2 ** 20);
    expect(JSON.stringify(xattrsOf(`${kept}/gone`))).not.toContain('overlay');
    // The overlay goes on.
    writeFileSync(`${fork.path}/later`, '');
    await fork.unmount();
    expect(readdirSync(kept)).not.toContain('later');
    expect(readdirSync(place.path).sort()).toEqual(disk ? ['disk', 'kept', 'lower'] : ['kept', 'lower']);
  });

  test('as an upper: over the same lower it shows the same, and says the same of changes', async () => {
    const { place, lower, fork } = await make(
      rootless ? {} : { options: { redirectDir: 'on', metacopy: true } },
    );
    if (!rootless) {
      renameSync(`${fork.path}/dir`, `${fork.path}/moved`);
      chownSync(`${fork.path}/holes`, 3, 4);
    }
    change(fork.path);
    const kept = place.join('kept');
    await fork.keep(kept, { as: 'upper' });
    const options = rootless
      ? ({ userxattr: true } as const)
      : ({ redirectDir: 'on', metacopy: true } as const);
    const view = await mount({ lower, upper: kept, options, ...(rootless && { rootless: true }) });
    expect(await differences(fork.path, view.path)).toEqual([]);
    await view.unmount();
    await using stack = await openStack({ lower, upper: kept, options });
    const told = [];
    for await (const one of stack.changes()) told.push(one);
    const own = await fork.changes();
    const sorted = (list: readonly { path: string | Buffer }[]) =>
      list.map((one) => JSON.stringify(one)).sort();
    expect(sorted(told.filter(({ path }) => path !== '.'))).toEqual(
      sorted(own.filter(({ path }) => path !== '.')),
    );
    const opaque = Object.keys(xattrsOf(`${kept}/gone`)).filter((name) => name.endsWith('.opaque'));
    expect(opaque).toEqual([`${rootless ? 'user' : 'trusted'}.overlay.opaque`]);
    expect([lstatSync(`${kept}/old`).isCharacterDevice(), lstatSync(`${kept}/old`).rdev]).toEqual([true, 0]);
    await fork.unmount();
  });

  test('after a reset it is the pristine view', async () => {
    const { place, lower, fork } = await make();
    change(fork.path);
    await fork.reset();
    await fork.keep(place.join('kept'));
    expect(await differences(lower, place.join('kept'))).toEqual([]);
    await fork.keep(place.join('upper'), { as: 'upper' });
    expect(readdirSync(place.join('upper'))).toEqual([]);
    await fork.unmount();
  });

  test('what is in the way is refused, and nothing is left or changed', async () => {
    const { place, lower, fork } = await make();
    const [there, file] = [place.directory('there'), place.file('file', 'mine')];
    const before = [readdirSync(place.path), openDescriptors()];
    const codeOf = async (dir: string, options?: KeepOptions) =>
      (await errorOf(() => fork.keep(dir, options))).code;
    expect(await codeOf(there)).toBe('ERR_OVERLAY_EXISTS');
    expect(await codeOf(file, { as: 'upper' })).toBe('ERR_OVERLAY_EXISTS');
    expect(await codeOf(place.join('no/such'))).toBe('ERR_OVERLAY_NOT_FOUND');
    expect(await codeOf(`${file}/in`)).toBe('ERR_OVERLAY_NOT_DIRECTORY');
    expect(await codeOf(`${lower}/in`)).toBe('ERR_OVERLAY_KEPT_INSIDE');
    expect(await codeOf(`${fork.path}/in`)).toBe('ERR_OVERLAY_KEPT_INSIDE');
    expect(await codeOf('/proc/in')).toMatch(/^ERR_/);
    expect(await codeOf('')).toBe('ERR_OVERLAY_EMPTY_PATH');
    expect(await codeOf('kept', { as: 'image' } as object)).toBe('ERR_OVERLAY_INVALID_VALUE');
    expect(await codeOf('kept', { owner: 'mine' } as object)).toBe('ERR_OVERLAY_UNKNOWN_OPTION');
    expect([readdirSync(place.path), openDescriptors()]).toEqual(before);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await fork.unmount();
    expect(await codeOf(place.join('kept'))).toBe('ERR_OVERLAY_ENDED');
    expect((await errorOf(() => fork.changes())).code).toBe('ERR_OVERLAY_ENDED');
  });

  test('a signal ends it, and what a process that died left is swept', async () => {
    const { place, fork } = await make();
    const left = place.directory('.overlayfs-keep-0123456789abcdef');
    mkdirSync(`${left}/closed`);
    writeFileSync(`${left}/closed/file`, '');
    chmodSync(`${left}/closed`, 0o500);
    const stop = new AbortController();
    const reason = new Error('enough');
    const ended = fork.keep(place.join('kept'), {
      signal: stop.signal,
      onProgress: () => stop.abort(reason),
    });
    await expect(ended).rejects.toBe(reason);
    expect(readdirSync(place.path).sort()).toEqual(disk ? ['disk', 'lower'] : ['lower']);
    await fork.unmount();
  });
});

privileged('no room: said, and nothing is left', async () => {
  const place = scratchDirectory();
  const lower = place.directory('lower');
  writeFileSync(`${lower}/big`, Buffer.alloc(2 ** 21, 1));
  const small = place.directory('small');
  callSync('mount', 'small', small, 'tmpfs', 0, 'size=1m');
  const fork = await scratch(lower);
  const error = await errorOf(() => fork.keep(`${small}/kept`));
  expect(error).toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE', errno: -28 });
  expect(error.path).toContain('kept');
  expect(readdirSync(small)).toEqual([]);
  await fork.unmount();
});

privileged('an upper in an overlay, which takes no whiteouts: said, and nothing is left', async () => {
  const lower = scratchDirectory().directory('lower');
  writeFileSync(`${lower}/gone`, '');
  const [fork, other] = [await scratch(lower), await scratch(scratchDirectory().path)];
  rmSync(`${fork.path}/gone`);
  const error = await errorOf(() => fork.keep(`${other.path}/kept`, { as: 'upper' }));
  expect(error).toMatchObject({ code: 'ERR_OVERLAY_WHITEOUT_REFUSED', path: `${other.path}/kept/gone` });
  expect(readdirSync(other.path)).toEqual([]);
  await fork.unmount();
  await other.unmount();
});

privileged('devices, capabilities and times to the nanosecond', async () => {
  const place = scratchDirectory();
  const lower = place.directory('lower');
  callSync('mknodat', AT_FDCWD, `${lower}/null`, S_IFCHR | 0o666, 0x103);
  writeFileSync(`${lower}/able`, '');
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  setXattr(`${lower}/able`, 'security.capability', capability);
  setXattr(`${lower}/able`, 'trusted.mine', 'x');
  const fork = await scratch(lower);
  await fork.keep(place.join('kept'));
  expect(lstatSync(place.join('kept/null')).rdev).toBe(0x103);
  expect(xattrsOf(place.join('kept/able'))).toMatchObject({
    'security.capability': capability.toString('latin1'),
    'trusted.mine': 'x',
  });
  await fork.unmount();
});

test('an ordinary user keeps what belongs to others only as his own, and is told', () => {
  needUserNamespaces();
  const script = `
    import { mkdtempSync, rmSync, statSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { scratch } from 'overlayfs';
    const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
    try {
      const fork = await scratch('/etc/apt');
      const said = await fork.keep(base + '/kept').then(() => undefined, ({ code, hint }) => ({ code, hint }));
      await fork.keep(base + '/mine', { owners: 'mine' });
      await fork.keep(base + '/upper', { as: 'upper' });
      const { uid } = statSync(base + '/mine/sources.list.d');
      console.log(JSON.stringify({ said, mine: uid === process.getuid() }));
    } finally {
      rmSync(base, { recursive: true, force: true });
    }`;
  const { said, mine } = printedJson<{ said: { code: string; hint: string }; mine: boolean }>(
    asNobody(script),
  );
  expect(said.code).toBe('ERR_OVERLAY_OWNER_NOT_KEPT');
  expect(said.hint).toContain("owners: 'mine'");
  expect(mine).toBe(true);
});
