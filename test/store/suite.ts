// What every driver has to do: a suite in the spirit of the one that containerd holds its snapshotters to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
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
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { LOCK_EX, LOCK_UN } from '../../lib/kernel/constants.ts';
import { openStore, type Store } from '../../lib/store/index.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** Gives the directory for a store, on a filesystem that the driver works on. */
export type StorePlace = () => string;

/** An error of this code. */
export const code = (wanted: string) => expect.objectContaining({ code: wanted });

/** Everything in a directory, as text that can be compared. */
export function listing(directory: string, below = ''): string[] {
  return readdirSync(join(directory, below))
    .sort()
    .flatMap((name) => {
      const path = join(below, name);
      const stat = lstatSync(join(directory, path));
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isDirectory()) return [`${path}/ ${mode}`, ...listing(directory, path)];
      return [`${path} ${mode} ${stat.isFile() ? readFileSync(join(directory, path), 'utf8') : ''}`];
    });
}

/** Prepares, changes, and commits. */
export async function layer(
  store: Store,
  name: string,
  parent: string,
  change: (root: string) => void,
): Promise<void> {
  await store.prepare(`${name}-making`, parent);
  const mounted = await store.mount(`${name}-making`);
  try {
    change(mounted.path);
  } finally {
    await mounted.unmount();
  }
  await store.commit(name, `${name}-making`);
}

/** What the snapshot shows, by the mounts that containerd would make: from the directory that all layers lie in. */
export async function seen(store: Store, key: string): Promise<string[]> {
  const target = scratchDirectory().directory('target');
  for (const { type, source, options } of await store.mounts(key)) {
    const short = options.join(',').replaceAll(`${store.root}/snapshots/`, '');
    const words = ['-t', type === 'bind' ? 'none' : type, '-o', short, String(source), target];
    run('sh', '-c', 'cd "$1/snapshots" && shift && exec mount "$@"', 'sh', String(store.root), ...words);
  }
  try {
    return listing(target);
  } finally {
    run('umount', target);
  }
}

async function shown(store: Store, parent: string): Promise<string[]> {
  const key = `view of ${parent}`;
  await store.view(key, parent);
  try {
    return await seen(store, key);
  } finally {
    await store.remove(key);
  }
}

function test(name: string, place: StorePlace, body: (store: Store) => Promise<void>): void {
  privileged(name, async () => {
    const store = await openStore(place());
    try {
      await body(store);
      expect(await store.check()).toEqual([]);
    } finally {
      await store.close();
    }
  });
}

export function snapshotterSuite(driver: string, place: StorePlace, depth = 128): void {
  describe(`the driver ${driver}`, () => {
    names(place);
    locks(place);
    kinds(place);
    contents(place, depth);
    records(place);
  });
}

function kinds(place: StorePlace): void {
  test(
    'prepares, commits, prepares on what was committed, views, and removes from the top',
    place,
    async (store) => {
      await store.prepare('preparing');
      const first = await store.mount('preparing');
      expect(statSync(first.path).mode & 0o777).toBe(0o755);
      writeFileSync(join(first.path, 'foo'), 'foo\n');
      mkdirSync(join(first.path, 'a/b/c'), { recursive: true });
      await first.unmount();
      expect(await store.commit('base', 'preparing', { labels: { of: 'base' } })).toMatchObject({
        name: 'base',
        kind: 'committed',
        labels: { of: 'base' },
      });
      await expect(store.stat('preparing')).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
      expect((await store.stat('base')).parent).toBeUndefined();

      expect(await store.prepare('next', 'base')).toMatchObject({ kind: 'active', parent: 'base' });
      const second = await store.mount('next');
      expect(listing(second.path)).toEqual(await shown(store, 'base'));
      writeFileSync(join(second.path, 'bar'), 'bar\n');
      writeFileSync(join(second.path, 'foo'), 'bar\n');
      rmSync(join(second.path, 'a/b'), { recursive: true });
      const after = listing(second.path);
      await second.unmount();
      expect(await store.commit('next committed', 'next')).toMatchObject({ parent: 'base', labels: {} });
      expect(await shown(store, 'next committed')).toEqual(after);
      expect(await shown(store, 'base')).toContain('foo 644 foo\n');

      await expect(store.remove('base')).rejects.toEqual(code('ERR_STORE_HAS_CHILDREN'));
      await store.remove('next committed');
      await store.remove('base');
      expect(await store.list()).toEqual([]);
    },
  );
  test('gives views that cannot be written to', place, async (store) => {
    await layer(store, 'base', '', (root) => writeFileSync(join(root, 'file'), 'base'));
    await store.view('view', 'base');
    await store.view('empty view');
    for (const key of ['view', 'empty view']) {
      const view = await store.mount(key);
      expect(() => writeFileSync(join(view.path, 'new'), '')).toThrow(/EROFS/);
      await view.unmount();
      await expect(store.commit('never', key)).rejects.toEqual(code('ERR_STORE_NOT_ACTIVE'));
    }
    expect(await store.usage('view')).toEqual({ bytes: 0, inodes: 0 });
    for (const key of ['view', 'empty view', 'base']) await store.remove(key);
  });
  test('mounts at a target, attaches later, and says who has it', place, async (store) => {
    const target = scratchDirectory();
    await store.prepare('key');
    const mounted = await store.mount('key', target.directory('one'));
    expect(mounted).toMatchObject({ key: 'key', attached: true, path: target.join('one') });
    await expect(store.remove('key')).rejects.toMatchObject({
      code: 'ERR_STORE_IN_USE',
      message: 'the snapshot "key" is in use by this process',
    });
    await expect(store.commit('name', 'key')).rejects.toEqual(code('ERR_STORE_IN_USE'));
    writeFileSync(target.join('one/file'), 'x');
    await mounted.unmount();
    await mounted.unmount();
    expect(readdirSync(target.join('one'))).toEqual([]);
    const detached = await store.mount('key');
    await detached.attach(target.directory('two'));
    expect(readFileSync(target.join('two/file'), 'utf8')).toBe('x');
    await detached.unmount();
    await store.commit('name', 'key');
    await expect(store.mount('name')).rejects.toEqual(code('ERR_STORE_NOT_ACTIVE'));
    await expect(store.mounts('name')).rejects.toEqual(code('ERR_STORE_NOT_ACTIVE'));
  });
  const mountWords = async (store: Store, key: string, target: string): Promise<string[]> => {
    const [{ type, source, options }] = (await store.mounts(key)) as [
      Awaited<ReturnType<Store['mounts']>>[0],
    ];
    return ['-t', type === 'bind' ? 'none' : type, '-o', options.join(','), String(source), target];
  };
  test('refuses what somebody else has mounted', place, async (store) => {
    await layer(store, 'base', '', (root) => writeFileSync(join(root, 'file'), 'base'));
    await store.prepare('key', 'base');
    await store.prepare('alone');
    const target = scratchDirectory().directory('target');
    for (const key of ['key', 'alone']) {
      run('mount', ...(await mountWords(store, key, target)));
      try {
        await expect(store.remove(key)).rejects.toMatchObject({
          code: 'ERR_STORE_IN_USE',
          message: expect.stringContaining(target),
        });
        await expect(store.commit('other', key)).rejects.toEqual(code('ERR_STORE_IN_USE'));
      } finally {
        run('umount', target);
      }
      await store.remove(key);
    }
  });
  test('refuses what is mounted in another mount namespace alone', place, async (store) => {
    await layer(store, 'base', '', (root) => writeFileSync(join(root, 'file'), 'base'));
    await store.prepare('key', 'base');
    await store.prepare('alone');
    const target = scratchDirectory().directory('target');
    for (const key of ['key', 'alone']) {
      const mounting = 'mount "$@" && echo ready && exec sleep 60';
      const words = ['--mount', '--propagation', 'private', 'sh', '-c', mounting, 'sh'];
      const other = spawn('unshare', [...words, ...(await mountWords(store, key, target))]);
      const ended = once(other, 'exit');
      try {
        await once(other.stdout, 'data');
        expect(readdirSync(target)).toEqual([]);
        await expect(store.remove(key)).rejects.toEqual(code('ERR_STORE_IN_USE'));
        await expect(store.commit('other', key)).rejects.toEqual(code('ERR_STORE_IN_USE'));
      } finally {
        other.kill('SIGKILL');
        await ended;
      }
      await store.remove(key);
    }
  });
}

function locks(place: StorePlace): void {
  test('waits for who has a snapshot alone for a while, where it is shared only', place, async (store) => {
    await layer(store, 'base', '', (root) => writeFileSync(join(root, 'file'), 'base'));
    await store.prepare('key', 'base');
    const held = ['base', 'key'].map((name) =>
      openSync(join(String(store.root), 'snapshots', directoryName(name)), 'r'),
    );
    try {
      for (const fd of held) callSync('flock', fd, LOCK_EX);
      await expect(store.commit('name', 'key')).rejects.toMatchObject({
        code: 'ERR_STORE_IN_USE',
        message: expect.stringContaining('this process'),
      });
      const all = Promise.all([store.view('view', 'base'), store.mount('key')]);
      // A removal on a busy disk.
      await sleep(1000);
      for (const fd of held) callSync('flock', fd, LOCK_UN);
      const [view, mounted] = await all;
      expect(view).toMatchObject({ kind: 'view', parent: 'base' });
      await mounted.unmount();
    } finally {
      for (const fd of held) closeSync(fd);
    }
  });
}

function names(place: StorePlace): void {
  test('has one space of names for all kinds', place, async (store) => {
    await layer(store, 'a', '', () => {});
    await store.prepare('key', 'a');
    await store.view('view', 'a');
    for (const taken of ['a', 'key', 'view']) {
      await expect(store.prepare(taken, 'a')).rejects.toEqual(code('ERR_STORE_EXISTS'));
      await expect(store.view(taken, 'a')).rejects.toEqual(code('ERR_STORE_EXISTS'));
      await expect(store.commit(taken, 'key')).rejects.toEqual(code('ERR_STORE_EXISTS'));
    }
    await expect(store.commit('b', 'gone')).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
    await expect(store.commit('b', 'a')).rejects.toEqual(code('ERR_STORE_NOT_ACTIVE'));
    for (const parent of ['key', 'view'])
      await expect(store.prepare('b', parent)).rejects.toEqual(code('ERR_STORE_NOT_COMMITTED'));
    await expect(store.prepare('b', 'gone')).rejects.toMatchObject({
      code: 'ERR_STORE_NOT_FOUND',
      option: 'parent',
    });
    for (const lost of ['stat', 'remove', 'mounts', 'mount', 'usage'] as const)
      await expect(store[lost]('gone')).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
    expect((await store.list()).map(({ name }) => name)).toEqual(['a', 'key', 'view']);
  });
  test('gives a name again when it is free', place, async (store) => {
    await store.prepare('committed-a');
    await store.commit('committed-1', 'committed-a');
    await store.prepare('reuse-1', 'committed-1');
    await store.remove('reuse-1');
    await store.view('reuse-1', 'committed-1');
    await store.remove('reuse-1');
    await store.prepare('reuse-1');
    await store.remove('committed-1');
    await store.commit('committed-1', 'reuse-1');
  });
  test('takes names of any characters and 4096 bytes', place, async (store) => {
    const odd = ['default/1/sha256:ab', '..', '.', 'a\nb "c" \\', 'ünï', '/', '-', 'k'.repeat(4096)];
    for (const name of odd) await store.prepare(name);
    expect((await store.list()).map(({ name }) => name).sort()).toEqual([...odd].sort());
    for (const name of odd) await store.remove(name);
    for (const wrong of ['', 'a\0b', 'k'.repeat(4097), '\ud800'])
      await expect(store.prepare(wrong)).rejects.toEqual(code('ERR_STORE_KEY'));
    await expect(store.prepare(7 as never)).rejects.toEqual(code('ERR_OVERLAY_INVALID_TYPE'));
  });
  test('lets one of many at once have a name', place, async (store) => {
    const other = await openStore(store.root);
    const tries = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? store : other).prepare('key'));
    const done = await Promise.allSettled(tries);
    expect(done.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const one of done)
      if (one.status === 'rejected') expect(one.reason).toEqual(code('ERR_STORE_EXISTS'));
    await other.close();
    await expect(other.stat('key')).rejects.toEqual(code('ERR_STORE_CLOSED'));
  });
}

function contents(place: StorePlace, depth: number): void {
  test('keeps owners and modes, of the root too, over commits', place, async (store) => {
    await layer(store, 'a', '', (root) => {
      mkdirSync(join(root, 'd'));
      writeFileSync(join(root, 'd/f'), 'f');
      chmodSync(root, 0o711);
      chownSync(root, 1, 2);
      chownSync(join(root, 'd'), 3, 4);
    });
    await layer(store, 'b', 'a', (root) => {
      expect(statSync(root)).toMatchObject({ uid: 1, gid: 2 });
      chmodSync(join(root, 'd'), 0o700);
      chownSync(join(root, 'd/f'), 5, 6);
    });
    await store.view('v', 'b');
    const view = await store.mount('v');
    const told = ['.', 'd', 'd/f'].map((name) => statSync(join(view.path, name)));
    await view.unmount();
    expect(told.map(({ uid, gid, mode }) => [uid, gid, mode & 0o777])).toEqual([
      [1, 2, 0o711],
      [3, 4, 0o700],
      [5, 6, 0o644],
    ]);
  });
  test('shows what was moved, linked, replaced and deleted', place, async (store) => {
    await layer(store, 'a', '', (root) => {
      mkdirSync(join(root, 'dir1'));
      mkdirSync(join(root, 'dir2'));
      writeFileSync(join(root, 'dir1/f1'), 'Hello');
      writeFileSync(join(root, 'dir2/f2'), '...');
      mkdirSync(join(root, 'gone/deep'), { recursive: true });
    });
    await layer(store, 'b', 'a', (root) => {
      mkdirSync(join(root, 'dir3'));
      writeFileSync(join(root, 'dir3/f1'), 'Hello');
      rmSync(join(root, 'dir1'), { recursive: true });
      linkSync(join(root, 'dir2/f2'), join(root, 'dir3/f2'));
      rmSync(join(root, 'dir2/f2'));
      rmSync(join(root, 'gone'), { recursive: true });
      writeFileSync(join(root, 'gone'), 'a file');
      renameSync(join(root, 'dir3/f1'), join(root, 'dir3/f3'));
    });
    await layer(store, 'c', 'b', (root) => {
      rmSync(join(root, 'gone'));
      mkdirSync(join(root, 'gone'));
    });
    expect(await shown(store, 'c')).toEqual([
      'dir2/ 755',
      'dir3/ 755',
      'dir3/f2 644 ...',
      'dir3/f3 644 Hello',
      'gone/ 755',
    ]);
  });
  test('tells the changes against the parent', place, async (store) => {
    await layer(store, 'a', '', (root) => {
      writeFileSync(join(root, 'changed'), 'one');
      writeFileSync(join(root, 'deleted'), '');
      writeFileSync(join(root, 'kept'), '');
    });
    await layer(store, 'b', 'a', (root) => {
      writeFileSync(join(root, 'changed'), 'another');
      rmSync(join(root, 'deleted'));
      writeFileSync(join(root, 'added'), '');
    });
    const told: string[] = [];
    for await (const { kind, path } of store.changes('b')) if (path !== '.') told.push(`${kind} ${path}`);
    expect(told.sort()).toEqual(['added added', 'deleted deleted', 'modified changed']);
    const all: string[] = [];
    for await (const { kind, path } of store.changes('a')) if (path !== '.') all.push(`${kind} ${path}`);
    expect(all.sort()).toEqual(['added changed', 'added deleted', 'added kept']);
  });
  test(`mounts ${depth} layers`, place, async (store) => {
    let parent = '';
    for (let i = 0; i < depth; i++) {
      await layer(store, `layer ${i}`, parent, (root) => {
        writeFileSync(join(root, 'who'), `${i}`);
        writeFileSync(join(root, `only-${i}`), 'same');
        rmSync(join(root, 'mine'), { recursive: true, force: true });
        mkdirSync(join(root, 'mine'));
        writeFileSync(join(root, `mine/${i}`), '');
      });
      parent = `layer ${i}`;
    }
    await store.view('all', parent);
    const view = await store.mount('all');
    expect(readFileSync(join(view.path, 'who'), 'utf8')).toBe(`${depth - 1}`);
    expect(readdirSync(view.path)).toHaveLength(depth + 2);
    expect(readdirSync(join(view.path, 'mine'))).toEqual([`${depth - 1}`]);
    await view.unmount();
    // Also in the one page of text that containerd has for it.
    expect(await seen(store, 'all')).toHaveLength(depth + 3);
  });
}

function records(place: StorePlace): void {
  test('replaces labels, and nothing else', place, async (store) => {
    const before = await store.prepare('key', '', { labels: { l1: 'v1', 'containerd.io/gc.root': 'now' } });
    expect(before.updated).toEqual(before.created);
    const after = await store.update('key', { l2: 'v2', __proto__: 'x' } as never);
    expect(after).toMatchObject({
      name: 'key',
      kind: 'active',
      labels: { l2: 'v2' },
      created: before.created,
    });
    expect(after.updated.getTime()).toBeGreaterThanOrEqual(before.updated.getTime());
    expect(await store.stat('key')).toEqual(after);
    await store.commit('name', 'key', { labels: { a: 'b' } });
    expect((await store.update('name', { a: 'c' })).labels).toEqual({ a: 'c' });
    await expect(store.update('gone', {})).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
    await expect(store.update('name', { a: 1 } as never)).rejects.toEqual(code('ERR_OVERLAY_INVALID_TYPE'));
    await expect(store.update('name', { a: 'x'.repeat(4096) })).rejects.toEqual(code('ERR_STORE_LABEL'));
  });
  test('lists by filters, in words and as objects', place, async (store) => {
    const labels = (l: string) => ({ labels: { l, 'containerd.io/gc.root': 'check-walk' } });
    await store.prepare('a-np');
    await layer(store, 'p', '', () => {});
    await store.prepare('a', 'p');
    await store.view('v', 'p');
    await store.prepare('tmp');
    await store.commit('p-wl', 'tmp', labels('1'));
    await store.prepare('a-wl', 'p-wl', labels('2'));
    await store.view('v-wl', 'p-wl', labels('3'));
    await store.prepare('a-np-wl', '', labels('2'));
    const found = async (...filters: string[]) => (await store.list(filters)).map(({ name }) => name);
    expect(await found()).toHaveLength(8);
    expect(await found('kind==active')).toEqual(['a', 'a-np', 'a-np-wl', 'a-wl']);
    expect(await found('kind==view')).toEqual(['v', 'v-wl']);
    expect(await found('kind==committed,labels."containerd.io/gc.root"==check-walk')).toEqual(['p-wl']);
    expect(await found('name==p', 'name==a-np-wl')).toEqual(['a-np-wl', 'p']);
    expect(await found('name==a-wl,labels.l')).toEqual(['a-wl']);
    expect(await found('parent==p')).toEqual(['a', 'v']);
    expect(await found('parent!=""')).toEqual(['a', 'a-wl', 'v', 'v-wl']);
    expect(await found('labels.l==2')).toEqual(['a-np-wl', 'a-wl']);
    expect((await store.list({ kind: 'view', labels: { l: '3' } })).map(({ name }) => name)).toEqual([
      'v-wl',
    ]);
    await expect(store.list('kind=active')).rejects.toEqual(code('ERR_STORE_FILTER'));
    await expect(store.list({ size: 3 } as never)).rejects.toEqual(code('ERR_OVERLAY_UNKNOWN_OPTION'));
  });
  test('counts what a snapshot takes by itself', place, async (store) => {
    await layer(store, 'a', '', (root) => {
      writeFileSync(join(root, 'big'), Buffer.alloc(1 << 20, 'x'));
      for (let i = 0; i < 20; i++) writeFileSync(join(root, `f${i}`), 'x'.repeat(4096));
    });
    const base = await store.usage('a');
    expect(base.bytes).toBeGreaterThanOrEqual(1 << 20);
    expect(base.bytes).toBeLessThan((1 << 20) + (1 << 18));
    expect(base.inodes).toBe(22);
    await store.prepare('key', 'a');
    const empty = await store.usage('key');
    expect(empty.bytes).toBeLessThan(1 << 16);
    const mounted = await store.mount('key');
    writeFileSync(join(mounted.path, 'more'), Buffer.alloc(1 << 18, 'y'));
    expect((await store.usage('key')).inodes).toBe(empty.inodes + 1);
    await mounted.unmount();
    const active = await store.usage('key');
    expect(active.bytes - empty.bytes).toBe(1 << 18);
    await store.commit('b', 'key');
    expect((await store.usage('b')).bytes).toBeGreaterThanOrEqual(1 << 18);
  });
}
