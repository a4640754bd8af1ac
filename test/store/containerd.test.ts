// containerd's own tests of a snapshotter (core/snapshots/testsuite), case by case, on both drivers; what suite.ts holds already
// (Basic, PrepareView, Remove, Walk, 128LayersMount) is not here again.
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { directoryName } from '../../lib/format/store/record.ts';
import { type MountDescription, openStore, type Store } from '../../lib/store/index.ts';
import { run } from '../support/command.ts';
import { loopFilesystem } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { code, layer, listing } from './suite.ts';

/** Mounts as containerd does: by mount(8), from what the store says. */
function mountAll(mounts: readonly MountDescription[], target: string): void {
  for (const { type, source, options } of mounts)
    run('mount', '-t', type === 'bind' ? 'none' : type, '-o', options.join(','), String(source), target);
}

function withOwners(directory: string): string[] {
  return listing(directory).map((line) => {
    const { uid, gid } = lstatSync(join(directory, line.split(/\/? /, 1)[0]!));
    return `${line} ${uid}:${gid}`;
  });
}

type Change = (root: string) => void;

/** As containerd's checkSnapshots: layers of changes show what the same changes make of a plain directory. */
async function sameAsFlat(store: Store, ...changes: readonly Change[]): Promise<void> {
  const scratch = scratchDirectory();
  const [flat, target] = [scratch.directory('flat'), scratch.directory('target')];
  let parent = '';
  for (const [i, change] of changes.entries()) {
    const name = `${scratch.path} ${i}`;
    await store.prepare(`${name} making`, parent);
    mountAll(await store.mounts(`${name} making`), target);
    try {
      expect(withOwners(target)).toEqual(withOwners(flat));
      for (const root of [flat, target]) change(root);
      expect(withOwners(target)).toEqual(withOwners(flat));
    } finally {
      run('umount', target);
    }
    await store.commit(name, `${name} making`);
    parent = name;
  }
  await store.view(`${parent} view`, parent);
  mountAll(await store.mounts(`${parent} view`), target);
  try {
    expect(withOwners(target)).toEqual(withOwners(flat));
    expect(() => writeFileSync(join(target, 'never'), '')).toThrow(/EROFS/);
  } finally {
    run('umount', target);
  }
}

const file = (root: string, name: string, text = '', mode = 0o644) => {
  writeFileSync(join(root, name), text);
  chmodSync(join(root, name), mode);
};
const directory = (root: string, name: string, mode = 0o700) => mkdirSync(join(root, name), { mode });
const remove = (root: string, name: string) => rmSync(join(root, name), { recursive: true });

const drivers = { overlay: ['ext4', 64], btrfs: ['btrfs', 512] } as const;

describe.each(Object.entries(drivers))('containerd’s suite on %s', (driver, [kind, sizeMiB]) => {
  const testing = (name: string, body: (store: Store) => Promise<void>) =>
    privileged(name, async () => {
      const store = await openStore(join(loopFilesystem(kind, { sizeMiB }).path, 'store'));
      expect(store.driver).toBe(driver);
      try {
        await body(store);
        expect(await store.check()).toEqual([]);
      } finally {
        await store.close();
      }
    });

  testing('LayerFileupdate, RemoveDirectoryInLowerLayer, DeletedFilesInChildSnapshot', async (store) => {
    await sameAsFlat(
      store,
      (root) => {
        directory(root, 'etc');
        file(root, 'etc/hosts', 'mydomain 10.0.0.1');
        file(root, 'etc/profile', 'PATH=/usr/bin');
      },
      (root) => {
        file(root, 'etc/hosts', 'mydomain 10.0.0.2');
        file(root, 'etc/profile', 'PATH=/usr/bin', 0o666);
        directory(root, 'root');
        file(root, 'root/.bashrc', 'PATH=/usr/sbin:/usr/bin');
      },
    );
    await sameAsFlat(
      store,
      (root) => {
        directory(root, 'lib');
        file(root, 'lib/hidden');
      },
      (root) => {
        remove(root, 'lib');
        directory(root, 'lib');
        file(root, 'lib/not-hidden');
      },
      (root) => file(root, 'lib/newfile'),
    );
    await sameAsFlat(
      store,
      (root) => {
        file(root, 'foo', 'foo\n', 0o777);
        file(root, 'foobar', 'foobar\n', 0o777);
      },
      (root) => remove(root, 'foobar'),
      () => {},
    );
  });
  testing('Chown and DirectoryPermissionOnCommit', async (store) => {
    await sameAsFlat(
      store,
      (root) => {
        for (const name of ['opt', 'opt/a', 'opt/a/b']) directory(root, name);
        file(root, 'opt/a/b/file.txt', 'hello');
      },
      (root) => {
        for (const name of ['opt', 'opt/a', 'opt/a/b', 'opt/a/b/file.txt']) chownSync(join(root, name), 1, 1);
      },
    );
    await sameAsFlat(
      store,
      (root) => {
        for (const name of ['dir1', 'dir2', 'dir3', 'dir4', 'dir5']) directory(root, name);
        file(root, 'dir4/f1', '...');
        file(root, 'dir5/f1', '...');
        for (const name of ['dir1', 'dir2', 'dir3', 'dir5', 'dir5/f1']) chownSync(join(root, name), 1, 1);
      },
      (root) => {
        chownSync(join(root, 'dir2'), 0, 0);
        remove(root, 'dir3');
        for (const name of ['dir4', 'dir4/f1']) chownSync(join(root, name), 1, 1);
      },
      (root) => {
        directory(root, 'dir3');
        chownSync(join(root, 'dir3'), 1, 1);
        remove(root, 'dir5');
        directory(root, 'dir5');
        chownSync(join(root, 'dir5'), 1, 1);
      },
    );
  });
  testing('MoveFileFromLowerLayer and Rename', async (store) => {
    await sameAsFlat(
      store,
      (root) => {
        directory(root, 'dir1');
        file(root, 'dir1/f1', 'Hello');
        directory(root, 'dir2');
        file(root, 'dir2/f2', '...');
      },
      (root) => {
        directory(root, 'dir3');
        file(root, 'dir3/f1', 'Hello');
        remove(root, 'dir1');
        linkSync(join(root, 'dir2/f2'), join(root, 'dir3/f2'));
        remove(root, 'dir2/f2');
      },
    );
    await sameAsFlat(
      store,
      (root) => {
        directory(root, 'dir1');
        directory(root, 'somefiles');
        file(root, 'somefiles/f1', 'was here first!');
        file(root, 'somefiles/f2', 'nothing interesting');
      },
      (root) => {
        // An overlay without redirects has no rename of a lower's directory (EXDEV), in containerd's suite neither.
        if (driver === 'btrfs') renameSync(join(root, 'dir1'), join(root, 'dir2'));
        file(root, 'somefiles/f1-overwrite', 'new content 1');
        renameSync(join(root, 'somefiles/f1-overwrite'), join(root, 'somefiles/f1'));
        renameSync(join(root, 'somefiles/f2'), join(root, 'somefiles/f3'));
      },
    );
  });
  testing('StatActive, StatComitted, TransitivityTest and StatInWalk', async (store) => {
    await store.prepare('active');
    expect(await store.stat('active')).toMatchObject({ name: 'active', kind: 'active' });
    await layer(store, 'snapA', '', (root) => file(root, 'foo', 'foo\n'));
    await layer(store, 'snapB', 'snapA', (root) => file(root, 'foo', 'foo bar\n'));
    const [a, b] = [await store.stat('snapA'), await store.stat('snapB')];
    expect([a.kind, a.parent, b.parent]).toEqual(['committed', undefined, 'snapA']);
    expect(await store.stat(b.parent!)).toEqual(a);
    await store.view('view', 'snapB');
    const walked = await store.list();
    // In the order of the names' bytes, as a database has them.
    expect(walked.map(({ name }) => name)).toEqual(['active', 'snapA', 'snapB', 'view']);
    for (const one of walked) expect(await store.stat(one.name)).toEqual(one);
  });
  testing('Update: labels alone, whole or by field paths, of every kind', async (store) => {
    const before = new Date();
    await layer(store, 'c1', '', () => {});
    await layer(store, 'c2', 'c1', () => {});
    await store.prepare('a1', 'c2');
    await store.prepare('a2');
    await store.view('v1', 'c2');
    await store.view('v2');
    const after = new Date();
    for (const name of ['c1', 'c2', 'a1', 'a2', 'v1', 'v2']) {
      const made = await store.stat(name);
      expect(made.created.getTime()).toBeGreaterThanOrEqual(before.getTime());
      expect(made.created.getTime()).toBeLessThanOrEqual(after.getTime());
      expect(made.updated).toEqual(made.created);
      const keep = { 'containerd.io/gc.root': 'now' };
      const first = await store.update(name, { l1: 'v1', l2: 'v2', l3: 'v3', ...keep });
      expect(first).toEqual({ ...made, labels: first.labels, updated: first.updated });
      expect(first.updated.getTime()).toBeGreaterThanOrEqual(after.getTime());
      expect(first.labels).toEqual({ l1: 'v1', l2: 'v2', l3: 'v3', ...keep });
      const some = await store.update(
        name,
        { l1: 'updated', l4: 'v4' },
        { fieldpaths: ['labels.l1', 'labels.l2', 'labels.never'] },
      );
      expect(some.labels).toEqual({ l1: 'updated', l3: 'v3', ...keep });
      const all = await store.update(name, { l4: 'v4', ...keep }, { fieldpaths: ['labels'] });
      expect(all.labels).toEqual({ l4: 'v4', ...keep });
      for (const field of ['parent', 'name', 'kind', 'created', 'labels.', ''])
        await expect(store.update(name, {}, { fieldpaths: [field] })).rejects.toEqual(
          code('ERR_STORE_FIELD'),
        );
      expect(await store.stat(name)).toEqual(all);
    }
    await expect(store.update('a1', {}, { fieldpaths: 'labels' as never })).rejects.toEqual(
      code('ERR_OVERLAY_INVALID_TYPE'),
    );
  });
  testing('RemoveIntermediateSnapshot: what has children of any kind stays', async (store) => {
    await layer(store, 'base', '', () => {});
    await layer(store, 'inter', 'base', () => {});
    await store.prepare('top', 'inter');
    const refused = code('ERR_STORE_HAS_CHILDREN');
    for (const name of ['inter', 'base']) await expect(store.remove(name)).rejects.toEqual(refused);
    await store.remove('top');
    await store.view('top', 'inter');
    await expect(store.remove('inter')).rejects.toMatchObject({
      message: 'the snapshot "inter" is the parent of "top"',
    });
    for (const name of ['top', 'inter', 'base']) await store.remove(name);
    expect(await store.list()).toEqual([]);
  });
  testing('CloseTwice: it is closed once, and every method says so', async (store) => {
    await store.prepare('key');
    const other = await openStore(store.root);
    const making = other.prepare('begun before');
    await Promise.all([other.close(), other.close()]);
    await other.close();
    expect((await making).name).toBe('begun before');
    const closed = code('ERR_STORE_CLOSED');
    for (const call of [
      () => other.prepare('a'),
      () => other.view('a'),
      () => other.commit('a', 'key'),
      () => other.mounts('key'),
      () => other.mount('key'),
      () => other.stat('key'),
      () => other.list(),
      () => other.usage('key'),
      () => other.remove('key'),
      () => other.update('key', {}),
      () => other.pack('key'),
      () => other.import({ layers: [] }),
      () => other.check(),
      () => other.repair(),
      () => other.cleanup(),
    ])
      await expect(call()).rejects.toEqual(closed);
    expect(() => other.changes('key')).toThrow(closed);
    expect((await store.list()).map(({ name }) => name)).toEqual(['begun before', 'key']);
  });
  testing('mounts() has containerd’s shapes, and RootPermission 0755', async (store) => {
    await layer(store, 'one', '', (root) => expect(statSync(root).mode & 0o7777).toBe(0o755));
    await layer(store, 'two', 'one', () => {});
    await store.prepare('alone');
    await store.view('alone, looked at');
    await store.prepare('on two', 'two');
    await store.view('of one', 'one');
    await store.view('of two', 'two');
    const keys = ['alone', 'alone, looked at', 'on two', 'of one', 'of two'];
    const shapes = [];
    for (const key of keys) shapes.push(await store.mounts(key));
    const at = (key: string, part = 'fs') => join(String(store.root), 'snapshots', directoryName(key), part);
    if (driver === 'overlay') {
      const lower = `lowerdir=${at('two')}:${at('one')}`;
      const above = [`workdir=${at('on two', 'work')}`, `upperdir=${at('on two')}`];
      const overlay = (options: string[]) => [{ type: 'overlay', source: 'overlay', options }];
      expect(shapes).toEqual([
        [{ type: 'bind', source: at('alone'), options: ['rw', 'rbind'] }],
        [{ type: 'bind', source: at('alone, looked at'), options: ['ro', 'rbind'] }],
        overlay(['index=off', ...above, lower]),
        [{ type: 'bind', source: at('one'), options: ['ro', 'rbind'] }],
        overlay(['index=off', lower]),
      ]);
      return;
    }
    const id = (path: string) => run('btrfs', 'inspect-internal', 'rootid', path).trim();
    const device = run('findmnt', '-n', '-o', 'SOURCE', '-T', String(store.root)).trim();
    const subvolume = (path: string, ...more: string[]) => [
      { type: 'btrfs', source: device, options: [`subvolid=${id(path)}`, ...more] },
    ];
    expect(shapes).toEqual([
      subvolume(at('alone')),
      subvolume(at('alone, looked at'), 'ro'),
      subvolume(at('on two')),
      subvolume(at('one'), 'ro'),
      subvolume(at('two'), 'ro'),
    ]);
  });
  testing('usage: of a committed one what it was, of an active one what it is now', async (store) => {
    await layer(store, 'base', '', (root) => file(root, 'big', 'x'.repeat(1 << 20)));
    const target = scratchDirectory().directory('target');
    await store.prepare('key', 'base');
    mountAll(await store.mounts('key'), target);
    try {
      expect(readFileSync(join(target, 'big'), 'utf8')).toHaveLength(1 << 20);
      const empty = await store.usage('key');
      file(target, 'more', 'y'.repeat(1 << 19));
      run('sync', '-f', target);
      const full = await store.usage('key');
      expect(full.inodes - empty.inodes).toBe(1);
      expect(full.bytes - empty.bytes).toBe(1 << 19);
    } finally {
      run('umount', target);
    }
    const active = await store.usage('key');
    await store.commit('name', 'key');
    expect(await store.usage('name')).toEqual(active);
    await expect(store.usage('key')).rejects.toEqual(code('ERR_STORE_NOT_FOUND'));
  });
});
