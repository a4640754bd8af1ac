// What is hostile, damaged, out of reach or gone is told of, and the rest is read.
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OverlayError } from '../../lib/format/overlay-error.ts';
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../lib/kernel/constants.ts';
import type { MergedEntry } from '../../lib/layer/merged-entry.ts';
import { openStack } from '../../lib/layer/stack.ts';
import type { StackSpec } from '../../lib/layer/stack-spec.ts';
import { mount } from '../../lib/mount/mount.ts';
import { privileged, unprivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

const paths = (entries: readonly MergedEntry[]) => entries.map(({ path }) => String(path)).sort();

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  const error = await attempt.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(error).toBeInstanceOf(OverlayError);
  return (error as OverlayError).code;
}

test('a directory that vanishes during a walk is told of, and the walk goes on', async () => {
  const scratch = scratchDirectory();
  for (const name of ['a', 'b', 'c']) scratch.file(`l/${name}/x`);
  await using stack = await openStack({ lower: scratch.join('l') });
  const walk = stack.walk();
  const seen: MergedEntry[] = [];
  for await (const entry of walk) {
    if (seen.length === 0) rmSync(scratch.join('l/b'), { recursive: true });
    seen.push(entry);
  }
  // Its name may have been read before it went.
  expect(paths(seen).filter((path) => path !== 'b')).toEqual(['.', 'a', 'a/x', 'c', 'c/x']);
  expect(walk.findings.map(({ code }) => code)).toEqual(['ERR_OVERLAY_VANISHED']);
  expect(walk.complete).toBe(false);
});

/** Makes directories of 200 bytes a name, one in the other, by descriptors; a path of them has 6,000 bytes. */
function makeDeep(root: string): string[] {
  const names = Array.from({ length: 30 }, (_, i) => String.fromCharCode(97 + (i % 26)).repeat(200));
  let dir = callSync('openat', AT_FDCWD, root, O_PATH | O_DIRECTORY, 0);
  for (const name of names) {
    callSync('mkdirat', dir, name, 0o755);
    const next = callSync('openat', dir, name, O_PATH | O_DIRECTORY, 0);
    close(dir);
    dir = next;
  }
  callSync('mkdirat', dir, `in-${root.at(-1)}`, 0o755);
  close(dir);
  return names;
}

test('paths longer than the kernel takes at once', async () => {
  const scratch = scratchDirectory();
  const names = makeDeep(scratch.directory('l'));
  makeDeep(scratch.directory('u'));
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
  const walk = stack.walk();
  const seen = paths(await all(walk));
  const deep = names.join('/');
  expect(deep.length).toBeGreaterThan(4096);
  expect(seen).toHaveLength(33);
  expect(seen).toContain(`${deep}/in-u`);
  expect(seen).toContain(`${deep}/in-l`);
  expect((await stack.lookup(deep)).entry?.layers).toHaveLength(2);
  const changes = await all(stack.changes({ ignoreUnchanged: true }));
  expect(changes.filter(({ kind }) => kind === 'added').map(({ path }) => path)).toEqual([`${deep}/in-u`]);
});

privileged('a redirect leads through no symbolic link, and into no other layer', async () => {
  const scratch = scratchDirectory();
  scratch.file('outside/secret');
  scratch.directory('l');
  symlinkSync(scratch.join('outside'), scratch.join('l/link'));
  scratch.directory('u/by-link');
  scratch.directory('u/through-link');
  setXattr(scratch.join('u/by-link'), 'trusted.overlay.redirect', '/link');
  setXattr(scratch.join('u/through-link'), 'trusted.overlay.redirect', '/link/secret');
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
  expect(paths(await all(stack.walk()))).toEqual(['.', 'by-link', 'link', 'through-link']);
  expect((await stack.lookup('link/secret')).entry).toBeUndefined();
  expect(await codeOf(stack.open('link/secret'))).toBe('ERR_OVERLAY_NOT_FOUND');
  expect(await stack.readlink('link')).toBe(scratch.join('outside'));
});

privileged('redirects that lead in circles end, as they do in the mount', async () => {
  const scratch = scratchDirectory();
  for (const layer of ['u', 'l0', 'l1', 'l2'])
    for (const name of ['x', 'y', 'self']) scratch.file(`${layer}/${name}/of-${layer}-${name}`);
  for (const [layer, turn] of [
    ['u', ['/y', '/x', '/self']],
    ['l0', ['y', 'x', 'self']],
    ['l1', ['/y', 'x', '/self/../self']],
  ] as const)
    for (const [i, name] of ['x', 'y', 'self'].entries())
      setXattr(scratch.join(layer, name), 'trusted.overlay.redirect', turn[i]!);
  const lower = ['l0', 'l1', 'l2'].map((name) => scratch.join(name));
  const spec = { lower, upper: scratch.join('u'), work: scratch.directory('w') };
  const options = { redirectDir: 'on' } as const;
  await using stack = await openStack({ ...spec, options });
  await using overlay = await mount({ ...spec, options });
  for (const name of ['x', 'y']) {
    const names = (await all(stack.readdir(name))).map(({ path }) => String(path).slice(name.length + 1));
    expect(names.sort()).toEqual(readdirSync(`${overlay.path}/${name}`).sort());
    // Each layer is left by the redirect for the one below, so that none is seen twice.
    expect(names).toHaveLength(4);
  }
  expect((await stack.lookup('self')).error?.code).toBe('ERR_OVERLAY_BAD_REDIRECT');
  expect(() => readdirSync(`${overlay.path}/self`)).toThrow('EACCES');
});

test('links that lead in circles, or out, are entries like others, and nothing is looked for behind them', async () => {
  const scratch = scratchDirectory();
  scratch.directory('l/dir');
  for (const [name, target] of [
    ['loop', 'loop'],
    ['ping', 'pong'],
    ['pong', 'ping'],
    ['dir/up', '..'],
    ['out', '/proc/self/cwd'],
  ] as const)
    symlinkSync(target, scratch.join('l', name));
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.directory('u') });
  const walk = stack.walk();
  expect(paths(await all(walk))).toEqual(['.', 'dir', 'dir/up', 'loop', 'out', 'ping', 'pong']);
  expect(walk.complete).toBe(true);
  for (const path of ['loop/x', 'dir/up/dir', 'out/package.json', 'ping/'])
    expect((await stack.lookup(path)).entry?.type).toBe(path === 'ping/' ? 'symlink' : undefined);
  expect(await codeOf(stack.open('loop'))).toBe('ERR_OVERLAY_NOT_FILE');
});

test('names with newlines, of any bytes, in all that reads', async () => {
  const scratch = scratchDirectory();
  const [dir, name] = [Buffer.from('new\nline'), Buffer.from([0x66, 0xff, 0x0a, 0xfe])];
  const path = Buffer.concat([dir, Buffer.from('/'), name]);
  for (const layer of ['u', 'l'])
    mkdirSync(Buffer.concat([Buffer.from(`${scratch.directory(layer)}/`), dir]), { recursive: true });
  const inLayer = (layer: string) => Buffer.concat([Buffer.from(`${scratch.join(layer)}/`), path]);
  writeFileSync(inLayer('l'), 'before');
  writeFileSync(inLayer('u'), 'afterwards');
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
  const { path: told, entry, layers } = await stack.lookup(path);
  expect([told, entry?.size, layers.map(({ place }) => place)]).toEqual([path, 10, [path, path]]);
  const walked = (await all(stack.walk())).map((entry) => entry.path);
  expect(walked).toEqual(['.', 'new\nline', path]);
  expect((await all(stack.readdir(dir))).map((entry) => entry.path)).toEqual([path]);
  const changed = (await all(stack.changes())).filter(({ type }) => type === 'file');
  expect(changed).toMatchObject([{ kind: 'modified', path }]);
});

test('an entry that vanishes between its listing and its content is an error of its own', async () => {
  const scratch = scratchDirectory();
  for (const name of ['l/one', 'l/two', 'u/one', 'u/two']) scratch.file(name, name[0]!);
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
  const entries = await all(stack.readdir('.'));
  rmSync(scratch.join('u/one'));
  rmSync(scratch.join('l/one'));
  expect(paths(entries)).toEqual(['one', 'two']);
  expect(await codeOf(stack.open('one'))).toBe('ERR_OVERLAY_NOT_FOUND');
  expect((await stack.lookup('one')).entry).toBeUndefined();
  expect((await stack.lookup('two')).entry?.size).toBe(1);
  const changed = (await all(stack.changes())).filter(({ path }) => path !== '.');
  expect(changed.map(({ path }) => path)).toEqual(['two']);
});

privileged('damaged notes are findings on their entries, in all streams', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/fine');
  scratch.file('l/short');
  scratch.file('u/short');
  scratch.directory('u/climbs');
  scratch.directory('u/inner');
  setXattr(scratch.join('u/short'), 'trusted.overlay.metacopy', 'abc');
  setXattr(scratch.join('u/climbs'), 'trusted.overlay.redirect', '/../..');
  mkdirSync(scratch.join('l/inner'));
  await using stack = await openStack({ lower: [scratch.join('l')], upper: scratch.join('u') });
  const walk = stack.walk();
  const entries = await all(walk);
  const errors = Object.fromEntries(
    entries.flatMap(({ path, error }) => (error ? [[path, error.code]] : [])),
  );
  expect(errors).toEqual({ short: 'ERR_OVERLAY_BAD_METACOPY', climbs: 'ERR_OVERLAY_BAD_REDIRECT' });
  expect(walk.findings.map(({ code }) => code).sort()).toEqual(Object.values(errors).sort());
  expect(paths(entries)).toEqual(['.', 'climbs', 'fine', 'inner', 'short']);
  const changes = stack.changes();
  expect((await all(changes)).flatMap(({ path, error }) => (error ? [path] : [])).sort()).toEqual([
    'climbs',
    'short',
  ]);
  expect(changes.complete).toBe(false);
  expect((await stack.lookup('climbs/x')).error?.code).toBe('ERR_OVERLAY_BAD_REDIRECT');
});

privileged('a layer of the stack that lies in another one answers ELOOP, and is not entered', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/up/x');
  scratch.file('l/y');
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('l/up') });
  const entries = await all(stack.walk());
  expect(entries.find(({ path }) => path === 'up')?.error?.code).toBe('ERR_OVERLAY_LAYERS_OVERLAP');
  expect(paths(entries)).toEqual(['.', 'up', 'x', 'y']);
});

unprivileged('a directory that may not be read has an error, and what is beside it is shown', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/closed/x');
  scratch.file('l/open/y');
  scratch.file('u/closed/z');
  chmodSync(scratch.join('l/closed'), 0o000);
  try {
    await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
    const walk = stack.walk();
    const entries = await all(walk);
    expect(entries.find(({ path }) => path === 'closed')?.error?.code).toBe('ERR_OVERLAY_UNREADABLE');
    expect(paths(entries)).toEqual(['.', 'closed', 'closed/z', 'open', 'open/y']);
    expect(walk.complete).toBe(false);
  } finally {
    chmodSync(scratch.join('l/closed'), 0o755);
  }
});

describe('what is asked for wrongly', () => {
  const scratch = () => {
    const scratch = scratchDirectory();
    scratch.file('l/file');
    scratch.directory('l/dir');
    return scratch;
  };

  test('layers and options', async () => {
    const here = scratch();
    const wrong: [StackSpec, string][] = [
      [{ lower: [] }, 'ERR_OVERLAY_NO_LOWER'],
      [{ lower: here.join('none') }, 'ERR_OVERLAY_NOT_FOUND'],
      [{ lower: here.join('l/file') }, 'ERR_OVERLAY_NOT_DIRECTORY'],
      [{ lower: { fd: -1 } }, 'ERR_OVERLAY_INVALID_DESCRIPTOR'],
      [{ lower: '' }, 'ERR_OVERLAY_EMPTY_PATH'],
      [
        { lower: here.join('l'), options: { userxattr: true, metacopy: true } },
        'ERR_OVERLAY_OPTION_CONFLICT',
      ],
      [{ lower: here.join('l'), options: { redirectDir: 'maybe' as 'on' } }, 'ERR_OVERLAY_INVALID_VALUE'],
    ];
    for (const [spec, code] of wrong) expect(await codeOf(openStack(spec))).toBe(code);
    const error = await openStack({ lower: [here.join('l'), here.join('none')] }).catch((error) => error);
    expect(error).toMatchObject({ option: 'lower', index: 1, path: here.join('none') });
  });

  test('paths', async () => {
    const stack = await openStack({ lower: scratch().join('l') });
    expect(await codeOf(stack.open('dir'))).toBe('ERR_OVERLAY_NOT_FILE');
    expect(await codeOf(stack.readlink('file'))).toBe('ERR_OVERLAY_NOT_SYMLINK');
    expect(await codeOf(all(stack.readdir('file')))).toBe('ERR_OVERLAY_NOT_DIRECTORY');
    expect(await codeOf(all(stack.readdir('file/x')))).toBe('ERR_OVERLAY_NOT_FOUND');
    expect(await codeOf(stack.lookup('a\0b'))).toBe('ERR_OVERLAY_NUL_BYTE');
    expect(paths(await all(stack.readdir('/')))).toEqual(['dir', 'file']);
    expect(paths(await all(stack.walk('file')))).toEqual(['file']);
    await stack.close();
    await stack.close();
    expect(await codeOf(stack.lookup('.'))).toBe('ERR_OVERLAY_STACK_CLOSED');
  });
});
