// Removing a tree: all of it, but nothing behind a link and nothing of another mount.
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH } from '../../lib/kernel/constants.ts';
import { removeTree } from '../../lib/kernel/remove-tree.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const forms: [string, (parent: number, name: string | Buffer) => Promise<void>][] = [
  ['sync', async (parent, name) => runSync(removeTree(parent, name))],
  ['promise', (parent, name) => runAsync(removeTree(parent, name))],
];

describe.each(forms)('%s', (_, remove) => {
  /** Removes a name in a directory, and looks that no descriptor stays. */
  const removeIn = async (directory: string, name: string | Buffer) => {
    const parent = callSync('openat', AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0);
    const before = openDescriptors();
    try {
      await remove(parent, name);
    } finally {
      expect(openDescriptors()).toEqual(before);
      close(parent);
    }
  };

  test('removes directories, files, links and odd names, however many', async () => {
    const scratch = scratchDirectory();
    for (let i = 0; i < 1500; i++) scratch.file(`tree/many/file-with-a-longer-name-${i}`);
    scratch.file('tree/a/b/c/d/file', 'text');
    scratch.directory('tree/empty');
    mkdirSync(Buffer.concat([Buffer.from(`${scratch.path}/tree/`), Buffer.from([0xff, 0x0a])]));
    run('mkfifo', scratch.join('tree/fifo'));
    await removeIn(scratch.path, 'tree');
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  test('removes an empty directory, and is content with none', async () => {
    const scratch = scratchDirectory();
    scratch.directory('empty');
    await removeIn(scratch.path, Buffer.from('empty'));
    await removeIn(scratch.path, 'empty');
    expect(readdirSync(scratch.path)).toEqual([]);
  });

  test('does not follow symbolic links', async () => {
    const scratch = scratchDirectory();
    const kept = scratch.file('kept/file', 'mine');
    scratch.directory('tree/inner');
    symlinkSync(scratch.join('kept'), scratch.join('tree/inner/link'));
    symlinkSync(scratch.join('kept'), scratch.join('tree/link'));
    symlinkSync('/nowhere', scratch.join('tree/dangling'));
    await removeIn(scratch.path, 'tree');
    expect(readFileSync(kept, 'utf8')).toBe('mine');
    symlinkSync(scratch.join('kept'), scratch.join('tree'));
    await expect(removeIn(scratch.path, 'tree')).rejects.toMatchObject({
      name: 'KernelError',
      code: 'ENOTDIR',
    });
    expect(readFileSync(kept, 'utf8')).toBe('mine');
  });

  privileged('does not cross a mount, in it or bound', async () => {
    const scratch = scratchDirectory();
    scratch.directory('tree/inner/below');
    scratch.file('outside/file', 'mine');
    const { path } = tmpfsMount({ scratch });
    writeFileSync(`${path}/file`, 'other');
    for (const source of [path, scratch.join('outside')]) {
      run('mount', '--bind', source, scratch.join('tree/inner'));
      await expect(removeIn(scratch.path, 'tree')).rejects.toMatchObject({
        code: 'EBUSY',
        syscall: 'unlinkat',
      });
      expect(existsSync(`${source}/file`)).toBe(true);
      run('umount', scratch.join('tree/inner'));
    }
    await removeIn(scratch.path, 'tree');
    expect(existsSync(scratch.join('tree'))).toBe(false);
  });
});

test('opens directories of mode 000 as their owner, who is nobody', () => {
  const scratch = scratchDirectory();
  chmodSync(scratch.path, 0o777);
  // The package's own way to it: an ordinary user's overlay in a namespace of its own, whose work/work has mode 000.
  const script = `
    import { mkdirSync, readdirSync } from 'node:fs';
    import { mountSync } from 'overlayfs';
    const root = '${scratch.path}/own';
    for (const name of ['', '/l', '/u', '/m']) mkdirSync(root + name);
    const overlay = mountSync({ lower: root + '/l', upper: root + '/u', target: root + '/m', options: { userxattr: true } });
    overlay.unmountSync();
    console.log(JSON.stringify(readdirSync(root).sort()));`;
  const under = ['unshare', '--user', '--map-root-user', '--mount'];
  expect(printedJson(asNobody(script, { under }))).toEqual(['l', 'm', 'u']);
});

privileged('says what the kernel says of a file that may not be removed', () => {
  const scratch = scratchDirectory();
  const { path } = tmpfsMount({ scratch });
  const tree = `${path}/tree`;
  mkdirSync(tree);
  writeFileSync(`${tree}/file`, 'text');
  run('chattr', '+i', `${tree}/file`);
  const parent = callSync('openat', AT_FDCWD, path, O_PATH | O_DIRECTORY, 0);
  try {
    expect(() => runSync(removeTree(parent, 'tree'))).toThrow(/^unlinkat\(\d+, "file", 0\): EPERM$/);
    expect(readFileSync(`${tree}/file`, 'utf8')).toBe('text');
  } finally {
    run('chattr', '-i', `${tree}/file`);
    close(parent);
  }
});
