// Throw-away overlays for real: in memory and on disk, with root and without, made pristine again, and nothing left.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { LayerSource, ScratchOptions } from '../../lib/format/mount-spec.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { scratch, scratchSync } from '../../lib/mount/scratch.ts';
import type { Scratch } from '../../lib/mount/scratch-overlay.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { packageForOthers } from '../support/built-package.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { heldMemory } from '../support/held-memory.ts';
import { openDescriptors, processesWith } from '../support/leaks.ts';
import { mounts } from '../support/mounts.ts';
import { asNobody, type Outcome, printedJson } from '../support/node-process.ts';
import { isPrivileged, needPrivilege, privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tree } from '../support/tree.ts';
import { setXattr, xattrsOf } from '../support/xattr.ts';
import { errorOf } from './forms.ts';

interface Form {
  make(lower: LayerSource | readonly LayerSource[], options?: ScratchOptions): Promise<Scratch>;
  reset(view: Scratch): Promise<void>;
  end(view: Scratch): Promise<void>;
}

const promise: Form = {
  make: scratch,
  reset: (view) => view.reset(),
  end: (view) => view.unmount(),
};
const sync: Form = {
  make: async (...args) => scratchSync(...args),
  reset: async (view) => view.resetSync(),
  end: async (view) => view.unmountSync(),
};

/** Mounts of what a view is made of, anywhere but where other tests mount. */
const ownMounts = () => mounts().filter(({ point }) => !/\/overlayfs-(test|run)-/.test(point));

/** Both forms, with root where there is one, and without. */
const ways: [string, Form, boolean][] = [true, false]
  .filter((rootless) => rootless || isPrivileged())
  .flatMap((rootless): [string, Form, boolean][] => [
    [`promise, rootless: ${rootless}`, promise, rootless],
    [`sync, rootless: ${rootless}`, sync, rootless],
  ]);

describe.each(ways)('%s', (_, form, rootless) => {
  const need = () => {
    if (rootless) needUserNamespaces();
    return scratchDirectory();
  };
  const two = () => {
    const place = need();
    return { place, ...place.layers({ lower: 2, upper: false, work: false, target: false }) };
  };

  test('a view of several lowers takes changes, which the lowers never see, and goes without a trace', async () => {
    const { place, lower } = two();
    const whole = tree(place.path);
    await form.end(await form.make(lower, { rootless }));
    const before = [ownMounts(), openDescriptors()];
    const view = await form.make(lower, { rootless });
    expect(view).toMatchObject({
      attached: false,
      path: `/proc/${process.pid}/fd/${view.fd}`,
      fallbacks: [],
    });
    expect(view.spec).toMatchObject({ lower, rootless });
    expect(tree(view.path)).toMatchObject({
      shared: 'lower0',
      'from-lower1': 'lower1',
      'dir/lower1': 'lower1',
    });
    writeFileSync(`${view.path}/shared`, 'changed');
    rmSync(`${view.path}/dir`, { recursive: true });
    expect(tree(view.path)).toMatchObject({ shared: 'changed', 'from-lower1': 'lower1' });
    expect(readdirSync(view.path)).not.toContain('dir');
    expect(ownMounts()).toEqual(before[0]);
    await form.end(view);
    expect([ownMounts(), openDescriptors()]).toEqual(before);
    expect(tree(place.path)).toEqual(whole);
  });

  test('its root has owner, mode, times, ACLs and attributes of the first lower', async () => {
    const { place, lower } = two();
    if (!rootless) chownSync(lower[0]!, 1234, 5678);
    setXattr(lower[0]!, 'user.note', 'mine');
    // Everybody but user 1 (acl(5)): u::rwx u:1:--- g::r-x m::r-x o::r-x
    const acl = '0200000001000700ffffffff020000000100000004000500ffffffff10000500ffffffff20000500ffffffff';
    if (!rootless) setXattr(lower[0]!, 'system.posix_acl_default', Buffer.from(acl, 'hex'));
    chmodSync(lower[0]!, 0o2751);
    utimesSync(lower[0]!, 100.5, 123456.75);
    for (const where of [{}, { upperOn: place.directory('disk') }]) {
      const view = await form.make(lower, { rootless, ...where });
      const { mode, uid, gid, mtimeMs } = statSync(view.path);
      expect([mode & 0o7777, uid, gid, mtimeMs]).toEqual([
        0o2751,
        ...(rootless ? [process.geteuid!(), process.getegid!()] : [1234, 5678]),
        123456750,
      ]);
      const { 'user.overlay.opaque': _, ...shown } = xattrsOf(`${view.path}/.`);
      expect(shown).toEqual(xattrsOf(lower[0]!));
      expect(await view.changes()).toEqual([]);
      await form.reset(view);
      expect(await view.changes()).toEqual([]);
      await form.end(view);
    }
  });

  test('size and inodes are limits', async () => {
    const { lower } = two();
    const view = await form.make(lower, { rootless, size: 2 ** 20, inodes: 16 });
    writeFileSync(`${view.path}/half`, Buffer.alloc(2 ** 19));
    expect(() => writeFileSync(`${view.path}/more`, Buffer.alloc(2 ** 20))).toThrow(/ENOSPC/);
    const other = await form.make(lower, { rootless, inodes: 16 });
    expect(() => {
      for (let i = 0; i < 16; i++) writeFileSync(`${other.path}/${i}`, '');
    }).toThrow(/ENOSPC/);
    for (const one of [view, other]) await form.end(one);
  });

  test('reset gives the pristine view behind the same path; what is open stays in that of before', async () => {
    const { lower } = two();
    const view = await form.make(lower, { rootless });
    const [path, fd, descriptors] = [view.path, view.fd, openDescriptors().map((one) => one.fd)];
    for (let i = 0; i < 3; i++) {
      writeFileSync(`${path}/shared`, `changed ${i}`);
      writeFileSync(`${path}/new`, '');
      const file = openSync(`${path}/shared`, 'r');
      await form.reset(view);
      expect([view.path, view.fd]).toEqual([path, fd]);
      expect(readdirSync(path).sort()).toEqual(['dir', 'from-lower0', 'from-lower1', 'shared']);
      expect(readFileSync(`${path}/shared`, 'utf8')).toBe('lower0');
      const bytes = Buffer.alloc(9);
      expect(bytes.toString('utf8', 0, readSync(file, bytes))).toBe(`changed ${i}`);
      closeSync(file);
      expect(openDescriptors().map((one) => one.fd)).toEqual(descriptors);
    }
    await form.end(view);
    expect((await errorOf(() => form.reset(view))).code).toBe('ERR_OVERLAY_ENDED');
  });

  test('a reset that fails leaves the view as it was', async () => {
    const { lower } = two();
    const view = await form.make(lower, { rootless });
    writeFileSync(`${view.path}/mine`, 'still');
    const before = openDescriptors();
    rmSync(lower[1]!, { recursive: true });
    expect(await errorOf(() => form.reset(view))).toMatchObject({
      code: 'ERR_OVERLAY_NOT_FOUND',
      option: 'lower',
      index: 1,
    });
    expect(readFileSync(`${view.path}/mine`, 'utf8')).toBe('still');
    expect(openDescriptors()).toEqual(before);
    await form.end(view);
  });

  test('a view can lie over another', async () => {
    const { lower } = two();
    const below = await form.make(lower, { rootless });
    writeFileSync(`${below.path}/shared`, 'below');
    const view = await form.make(below, { rootless });
    writeFileSync(`${view.path}/new`, '');
    expect(readFileSync(`${view.path}/shared`, 'utf8')).toBe('below');
    expect(readdirSync(below.path)).not.toContain('new');
    for (const one of [view, below]) await form.end(one);
  });

  test('on disk: changes are below the directory, and gone with the view, its work directory too', async () => {
    const { place, lower } = two();
    const upperOn = place.directory('disk');
    const before = openDescriptors();
    const view = await form.make(lower, { rootless, upperOn });
    writeFileSync(`${view.path}/shared`, 'changed');
    const [own] = readdirSync(upperOn);
    expect(own).toMatch(/^\.overlayfs-scratch-[0-9a-f]{16}$/);
    expect(readFileSync(`${upperOn}/${own}/1/u/shared`, 'utf8')).toBe('changed');
    // Of mode 000: root alone looks into it.
    if (process.geteuid!() === 0)
      expect(readdirSync(`${upperOn}/${own}/1/w/work/incompat`)).toEqual(['volatile']);
    for (let i = 0; i < 2; i++) {
      await form.reset(view);
      expect(readFileSync(`${view.path}/shared`, 'utf8')).toBe('lower0');
      expect(readdirSync(`${upperOn}/${own}`)).toEqual([String(i + 2)]);
    }
    await form.end(view);
    expect([readdirSync(upperOn), openDescriptors()]).toEqual([[], before]);
  });

  test('on disk: what fails leaves nothing there', async () => {
    const { place, lower } = two();
    const upperOn = place.directory('disk');
    const before = openDescriptors();
    const failed = await errorOf(() => form.make([...lower, '/nowhere'], { rootless, upperOn }));
    expect(failed).toMatchObject({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower', index: 2 });
    const gone = await errorOf(() => form.make(lower, { rootless, upperOn: place.join('gone') }));
    expect(gone).toMatchObject({ code: 'ERR_OVERLAY_NOT_FOUND', option: 'upperOn' });
    expect([readdirSync(upperOn), openDescriptors()]).toEqual([[], before]);
  });

  test('on disk: not in a lower, which is said of what was given', async () => {
    const { lower } = two();
    const upperOn = `${lower[1]}/in$&side`;
    mkdirSync(upperOn);
    const failed = await errorOf(() => form.make(lower, { rootless, upperOn }));
    expect(failed).toMatchObject({ code: 'ERR_OVERLAY_UPPER_IN_LOWER', option: 'upperOn', path: upperOn });
    expect(failed.message).toContain(`upperOn ("${upperOn}"): it lies in lower 1 ("${lower[1]}")`);
    expect(failed.message + failed.hint).not.toMatch(/overlayfs-scratch|overlapLayers/);
    expect(readdirSync(upperOn)).toEqual([]);
  });

  test('what is wrong with a lower is said', async () => {
    const { place, lower } = two();
    const file = place.file('file');
    const codeOf = async (layer: string) =>
      (await errorOf(() => form.make([layer, ...lower], { rootless }))).code;
    const before = openDescriptors();
    expect(await codeOf('/nowhere')).toBe('ERR_OVERLAY_NOT_FOUND');
    expect(await codeOf(file)).toBe('ERR_OVERLAY_NOT_DIRECTORY');
    expect(openDescriptors()).toEqual(before);
  });
});

describe('while a reset is under way', () => {
  test('unmount waits for it, and all else is refused', async () => {
    needUserNamespaces();
    const { lower } = scratchDirectory().layers({ upper: false, work: false });
    const before = openDescriptors();
    const view = await scratch(lower);
    const resetting = view.reset();
    for (const attempt of [
      () => view.reset(),
      () => view.resetSync(),
      () => view.unmountSync(),
      () => view.attachSync('/nowhere'),
    ]) {
      expect((await errorOf(attempt)).code).toBe('ERR_OVERLAY_RESETTING');
    }
    await view.unmount();
    await resetting;
    expect(openDescriptors().length).toBeLessThanOrEqual(before.length + 1);
  });
});

privileged('a view that is attached is not reset', async () => {
  const { lower, target } = scratchDirectory().layers({ upper: false, work: false });
  const view = await scratch(lower);
  await view.reset();
  await view.attach(target);
  writeFileSync(`${target}/new`, '');
  expect((await errorOf(() => view.reset())).code).toBe('ERR_OVERLAY_ATTACHED');
  expect(readdirSync(target)).toContain('new');
  await view.unmount();
  expect(readdirSync(target)).toEqual([]);
});

describe('wrong arguments are refused before any system call', () => {
  test.each<[string, unknown, unknown, object]>([
    ['no lower', undefined, {}, { code: 'ERR_OVERLAY_NO_LOWER' }],
    ['an empty list', [], {}, { code: 'ERR_OVERLAY_NO_LOWER' }],
    ['null as options', '/l', null, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'options' }],
    [
      'a misspelt option',
      '/l',
      { sise: 1 },
      { code: 'ERR_OVERLAY_UNKNOWN_OPTION', hint: 'did you mean size?' },
    ],
    ['an upper', '/l', { upper: '/u' }, { code: 'ERR_OVERLAY_UNKNOWN_OPTION', option: 'upper' }],
    ['a size that is text', '/l', { size: '1m' }, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'size' }],
    ['a size below a page', '/l', { size: 1 }, { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'size' }],
    ['a part of an inode', '/l', { inodes: 20.5 }, { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'inodes' }],
    ['too few inodes', '/l', { inodes: 15 }, { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'inodes' }],
    [
      'a size on disk',
      '/l',
      { size: 2 ** 20, upperOn: '/d' },
      { code: 'ERR_OVERLAY_OPTION_CONFLICT', option: 'size' },
    ],
    ['an empty upperOn', '/l', { upperOn: '' }, { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'upperOn' }],
    ['rootless as text', '/l', { rootless: 'yes' }, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'rootless' }],
    [
      'options that exclude each other',
      '/l',
      { options: { nfsExport: true, metacopy: true } },
      { code: 'ERR_OVERLAY_OPTION_CONFLICT' },
    ],
  ])('%s', async (_, lower, options, expected) => {
    for (const form of [promise, sync]) {
      expect(await errorOf(() => form.make(lower as string, options as object))).toMatchObject(expected);
    }
  });
});

/** Some rounds of both forms; what was seen, and what is left. */
const rounds = `
  import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { scratch, scratchSync } from 'overlayfs';
  const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
  mkdirSync(base + '/lower'); writeFileSync(base + '/lower/a', 'a');
  const state = () => [readdirSync('/proc/self/fd').length, readdirSync(tmpdir()), readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').filter((line) => line.includes(tmpdir())),
    readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/children', 'utf8')).join('')];
  const seen = new Set();
  const use = (view) => { writeFileSync(view.path + '/b', 'b'); rmSync(view.path + '/a'); seen.add([view.via, view.fallbacks.length, ...readdirSync(view.path)].join(' ')); };
  const again = (view) => { seen.add('reset ' + readdirSync(view.path)); };
  const round = async () => {
    const now = scratchSync(base + '/lower', { size: 2 ** 20 }); use(now); now.resetSync(); again(now); now.unmountSync();
    const later = await scratch([base + '/lower']); use(later); await later.reset(); again(later); await later.unmount();
    const disk = await scratch(base + '/lower', { upperOn: base }); use(disk); await disk.reset(); again(disk); await disk.unmount();
  };
  try {
    await round(); await round();
    const before = JSON.stringify(state());
    for (let i = 0; i < 10; i++) await round();
    console.log(JSON.stringify({ seen: [...seen].sort(), same: JSON.stringify(state()) === before }));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }`;

type Runner = (script: string) => Outcome;

/** A directory for temporary files that no other test uses. */
function ownTemporary(): { env: { TMPDIR: string } } {
  const path = scratchDirectory().directory('tmp');
  chmodSync(path, 0o777);
  return { env: { TMPDIR: path } };
}

const users: [string, (rules: readonly string[]) => Runner][] = [
  ['as root', (rules) => (script) => runFaked(rules, script, ownTemporary())],
  [
    'as an ordinary user',
    (rules) => (script) =>
      runFaked(rules, script, { ...ownTemporary(), ...(process.geteuid!() === 0 && { uid: 65534 }) }),
  ],
];

describe.each(users.slice(isPrivileged() ? 0 : 1))('%s, on a kernel', (_, faked) => {
  test.each([
    ['without the new mount API', kernels.withoutNewMountApi, ['mount 1 b', 'mount 3 b', 'reset a']],
    ['without layer descriptors', kernels.withoutLayerDescriptors, ['fsopen 1 b', 'mount 1 b', 'reset a']],
  ])('%s', (__, rules, expected) => {
    needUserNamespaces();
    expect(printedJson(faked(rules)(rounds))).toEqual({ seen: expected, same: true });
  });
});

test('as an ordinary user: descriptors, children, files and mounts are the same after ten rounds', () => {
  needUserNamespaces();
  expect(printedJson(asNobody(rounds, ownTemporary()))).toEqual({
    seen: ['fsopen 0 b', 'reset a'],
    same: true,
  });
});

test('a directory of somebody else takes no changes', () => {
  const script = `
    import { scratch } from 'overlayfs';
    try { await scratch('/usr', { upperOn: '/etc' }); } catch ({ code, option }) { console.log(JSON.stringify([code, option])); }`;
  expect(printedJson(asNobody(script))).toEqual(['ERR_OVERLAY_NOT_WRITABLE', 'upperOn']);
});

test('a tmpfs that keeps no user attributes is told of, before an overlay could fail on it', () => {
  needUserNamespaces();
  const script = `
    import { scratch } from 'overlayfs';
    try { await scratch('/usr', { rootless: true }); } catch ({ code, hint }) { console.log(JSON.stringify({ code, hint })); }`;
  const told = printedJson<{ code: string; hint: string }>(users[1]![1](['setxattr=ENOTSUP'])(script));
  expect(told.code).toBe('ERR_OVERLAY_UPPER_UNFIT');
  expect(told.hint).toContain('upperOn');
});

test('in worker threads', () => {
  needUserNamespaces();
  const script = `
    import { once } from 'node:events';
    import { readdirSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    const source = \`
      import { readdirSync, writeFileSync } from 'node:fs';
      import { parentPort, workerData } from 'node:worker_threads';
      const { scratch, scratchSync } = await import(workerData);
      let good = 0;
      for (let i = 0; i < 20; i++) {
        const now = scratchSync('/etc', { rootless: true }); writeFileSync(now.path + '/mine', ''); now.resetSync(); good += !readdirSync(now.path).includes('mine'); now.unmountSync();
        const later = await scratch('/etc', { rootless: true }); writeFileSync(later.path + '/mine', ''); await later.reset(); good += !readdirSync(later.path).includes('mine'); await later.unmount();
      }
      scratchSync('/etc', { rootless: true });
      parentPort.postMessage(good);\`;
    const round = () => Promise.all([1, 2, 3, 4].map(async () => {
      const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), { workerData: import.meta.resolve('overlayfs') });
      const [[said]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
      return said;
    }));
    await round();
    const before = readdirSync('/proc/self/fd').length;
    const said = await round();
    console.log(JSON.stringify({ said, grown: readdirSync('/proc/self/fd').length - before }));`;
  expect(printedJson(asNobody(script))).toEqual({ said: [40, 40, 40, 40], grown: 0 });
});

test.each([
  ['with root', {}, false],
  ['without root', isPrivileged() ? { uid: 65534, gid: 65534 } : {}, true],
] as const)('%s: SIGKILL leaves no file, no process and no memory', async (_, user, rootless) => {
  if (rootless) needUserNamespaces();
  else if (!isPrivileged()) return;
  const script = `
    import { writeFileSync } from 'node:fs';
    import { scratch, scratchSync } from 'overlayfs';
    const views = Array.from({ length: 20 }, () => scratchSync('/etc', { rootless: ${rootless} }));
    for (const { path } of views) writeFileSync(path + '/big', Buffer.alloc(2 ** 22));
    console.log('ready');
    await new Promise((resolve) => process.stdin.once('data', resolve));
    const making = Array.from({ length: 20 }, () => scratch('/etc', { rootless: ${rootless} }));
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 2);
    await Promise.all(making);
    await new Promise(() => setInterval(() => {}, 1000));`;
  const known = ownMounts();
  const mark = `killed-${process.pid}`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: packageForOthers(),
    env: { ...process.env, NODE_OPTIONS: '', MARK: mark },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...user,
  });
  const ended = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), ended]);
  const { mebibytes, gone } = heldMemory(child.pid!);
  expect(mebibytes).toBeGreaterThanOrEqual(80);
  child.stdin.write('go');
  expect(await ended).toEqual([null, 'SIGKILL']);
  await gone;
  await expect.poll(() => processesWith(`MARK=${mark}`)).toEqual([]);
  expect(ownMounts()).toEqual(known);
});

describe.each([true, false])('rootless: %s', (rootless) => {
  test('a lower that a live overlay writes to is refused, until one insists', async () => {
    if (rootless) needUserNamespaces();
    else needPrivilege();
    const { lower, upper } = scratchDirectory().layers({ lower: 1, work: false, target: false });
    const overlay = mountSync({ lower, upper, rootless });
    const error = await errorOf(() => scratch([upper, ...lower], { rootless }));
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_LOWER_IN_USE', option: 'lower', index: 0, path: upper });
    (await scratch([upper, ...lower], { rootless, shareLower: true })).unmountSync();
    overlay.unmountSync();
    const made = await scratch([upper, ...lower], { rootless });
    await made.reset();
    await made.unmount();
  });
});

test('on disk, as an ordinary user: directories that he has closed to himself go too', () => {
  needUserNamespaces();
  const script = `
    import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { scratch } from 'overlayfs';
    const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
    try {
      mkdirSync(base + '/disk');
      const fork = await scratch('/usr/share', { upperOn: base + '/disk' });
      await fork.reset();
      for (const mode of [0o500, 0o300, 0o600, 0]) {
        const closed = fork.path + '/closed' + mode;
        mkdirSync(closed + '/inner/empty', { recursive: true });
        writeFileSync(closed + '/file', '');
        chmodSync(closed + '/inner', mode);
        chmodSync(closed, mode);
      }
      await fork.unmount();
      console.log(JSON.stringify(readdirSync(base + '/disk')));
    } finally {
      rmSync(base, { recursive: true, force: true });
    }`;
  expect(printedJson(asNobody(script))).toEqual([]);
});

describe('changes', () => {
  test('are given one by one or as an array, of now', async () => {
    needUserNamespaces();
    const { lower } = scratchDirectory().layers({ upper: false, work: false });
    for (const rootless of isPrivileged() ? [false, true] : [true]) {
      const fork = await scratch(lower, { rootless });
      expect(await fork.changes()).toEqual([]);
      rmSync(`${fork.path}/dir`, { recursive: true });
      writeFileSync(`${fork.path}/new`, '');
      const expected = [
        { kind: 'deleted', path: 'dir', type: 'directory', what: [] },
        { kind: 'added', path: 'new', type: 'file', what: [] },
      ];
      expect((await fork.changes()).sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual(expected);
      const list = fork.changes({ ignoreUnchanged: true });
      const names = [];
      for await (const { path } of list) names.push(path);
      expect(names.sort()).toEqual(['dir', 'new']);
      expect([list.complete, list.findings]).toEqual([true, []]);
      await fork.reset();
      expect(await fork.changes()).toEqual([]);
      const before = openDescriptors();
      for await (const _ of fork.changes()) break;
      expect(openDescriptors()).toEqual(before);
      await fork.unmount();
    }
  });
});

test('on disk: what a killed process left is removed by the next one there, and what a living one has is not', async () => {
  needUserNamespaces();
  const place = scratchDirectory();
  const { lower } = place.layers({ upper: false, work: false });
  const upperOn = place.directory('disk');
  chmodSync(upperOn, 0o777);
  const made = (then: string) => `
    import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
    import { scratch } from 'overlayfs';
    const fork = await scratch(${JSON.stringify(lower[0])}, { upperOn: ${JSON.stringify(upperOn)} });
    mkdirSync(fork.path + '/closed/in', { recursive: true });
    chmodSync(fork.path + '/closed', 0o500);
    writeFileSync(fork.path + '/new', '');
    ${then}`;
  const killed = asNobody(made("process.kill(process.pid, 'SIGKILL');"));
  expect(killed.signal).toBe('SIGKILL');
  const [left] = readdirSync(upperOn);
  expect(left).toMatch(/^\.overlayfs-scratch-/);
  const mine = await scratch(lower, { upperOn });
  const [name] = readdirSync(upperOn).filter((one) => one !== left);
  // That of another user stays, unless he looks himself.
  const told = printedJson<string[]>(
    asNobody(
      `${made('')}
       import { readdirSync } from 'node:fs';
       console.log(JSON.stringify(readdirSync(${JSON.stringify(upperOn)})));
       await fork.unmount();`,
    ),
  );
  expect(told).not.toContain(left);
  expect(told).toContain(name);
  expect(readdirSync(upperOn)).toEqual([name]);
  await mine.unmount();
  expect(readdirSync(upperOn)).toEqual([]);
});
