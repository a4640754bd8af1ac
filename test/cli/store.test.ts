import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { endlessImage, interrupted } from './endless-image.ts';
import { overlayfs } from './run-program.ts';

privileged('a snapshot from its preparation to its removal', () => {
  const scratch = scratchDirectory();
  const root = scratch.join('root');
  const target = scratch.directory('target');
  const store = (action: string, ...words: readonly string[]) =>
    overlayfs(['store', action, '--root', root, ...words]);
  expect(store('list')).toMatchObject({ status: 1, stderr: expect.stringContaining('ERR_STORE_MISSING') });
  expect(store('prepare', 'base', '--label', 'a=b=c')).toMatchObject({
    status: 0,
    stdout: 'base\n',
    stderr: '',
  });
  expect(store('mount', 'base', target)).toMatchObject({ status: 0, stdout: `${target}\n` });
  writeFileSync(`${target}/file`, 'text');
  expect(store('commit', 'image', 'base')).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_STORE_IN_USE'),
  });
  run('umount', target);
  expect(store('commit', 'image', 'base')).toMatchObject({ status: 0, stdout: 'image\n' });
  expect(store('prepare', 'web', 'image')).toMatchObject({ status: 0 });
  expect(store('view', 'look', 'image')).toMatchObject({ status: 0 });
  expect(store('list').stdout).toMatch(
    /^committed {2}\S+ {2}image\nview {7}\S+ {4}look\nactive {5}\S+ {4}web\n$/,
  );
  expect(JSON.parse(store('list', '--json', 'kind==active').stdout)).toMatchObject([
    { name: 'web', parent: 'image' },
  ]);
  expect(store('usage', 'image', 'look').stdout).toBe('8.0 KiB, 2 inodes: image\n0 B, 0 inodes: look\n');
  expect(store('mount', 'web', target)).toMatchObject({ status: 0 });
  expect(readFileSync(`${target}/file`, 'utf8')).toBe('text');
  expect(store('mount', 'web', scratch.directory('other'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`the snapshot "web" is in use: it is mounted at "${target}"`),
  });
  // The process that mounted it has ended: the mount table tells.
  expect(store('remove', 'web')).toMatchObject({ status: 1, stderr: expect.stringContaining(target) });
  run('umount', target);
  expect(store('check')).toMatchObject({ status: 0, stdout: '' });
  expect(store('remove', 'web', 'look', 'image')).toMatchObject({ status: 0, stdout: 'web\nlook\nimage\n' });
  expect(store('cleanup')).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(store('list')).toMatchObject({ status: 0, stdout: '' });
});
privileged('what is wrong with a store is exit code 1, rubbish is not', () => {
  const scratch = scratchDirectory();
  const root = scratch.join('root');
  const store = (...words: readonly string[]) => overlayfs(['store', ...words, '--root', root]);
  expect(store('prepare', 'key').status).toBe(0);
  scratch.directory('root/sessions/0123456789ab');
  expect(store('check')).toMatchObject({ status: 0, stdout: expect.stringContaining('ERR_STORE_RUBBISH') });
  expect(store('cleanup')).toMatchObject({ status: 0, stdout: `${root}/sessions/0123456789ab\n` });
  scratch.directory('root/snapshots/stranger');
  expect(store('check')).toMatchObject({ status: 1, stdout: expect.stringContaining('ERR_STORE_STRANGER') });
});
test.each([
  [['list'], 'the directory of the store is missing: give --root DIR'],
  [['lst', '--root', 'x'], 'there is no action "lst"; there are'],
  [['commit', 'name', '--root', 'x'], 'commit needs NAME KEY'],
  [['check', 'it', '--root', 'x'], '"it" is one word too many'],
  [[], 'the action is missing'],
])('%j: wrong usage, and nothing is made', (args, sentence) => {
  const root = scratchDirectory().join('x');
  const { status, stderr } = overlayfs(['store', ...args.map((word) => (word === 'x' ? root : word))]);
  expect(status).toBe(2);
  expect(stderr).toContain(`overlayfs store: ${sentence}`);
  expect(existsSync(root)).toBe(false);
});

/** A layout with one layer of one file. */
function layout(scratch: Scratch): string {
  const root = scratch.directory('layout/blobs/sha256');
  const put = (bytes: Buffer) => {
    const hex = createHash('sha256').update(bytes).digest('hex');
    writeFileSync(`${root}/${hex}`, bytes);
    return { digest: `sha256:${hex}`, size: bytes.length };
  };
  const json = (value: unknown) => put(Buffer.from(JSON.stringify(value)));
  scratch.file('tree/etc/motd', 'hello');
  run('tar', '-cf', scratch.join('layer.tar'), '-C', scratch.join('tree'), '.');
  const layer = put(readFileSync(scratch.join('layer.tar')));
  const architecture = { x64: 'amd64', arm64: 'arm64' }[process.arch as 'x64'] ?? process.arch;
  const config = json({
    architecture,
    os: 'linux',
    config: {},
    rootfs: { type: 'layers', diff_ids: [layer.digest] },
  });
  const types = 'application/vnd.oci.image';
  const manifest = json({
    schemaVersion: 2,
    mediaType: `${types}.manifest.v1+json`,
    config: { mediaType: `${types}.config.v1+json`, ...config },
    layers: [{ mediaType: `${types}.layer.v1.tar`, ...layer }],
  });
  const manifests = [{ mediaType: `${types}.manifest.v1+json`, ...manifest }];
  scratch.file('layout/oci-layout', '{"imageLayoutVersion":"1.0.0"}');
  scratch.file('layout/index.json', JSON.stringify({ schemaVersion: 2, manifests }));
  return scratch.join('layout');
}

privileged('imports an image, and says how far it is in one line where nobody looks', () => {
  const scratch = scratchDirectory();
  const image = layout(scratch);
  const store = (...words: readonly string[]) =>
    overlayfs(['store', ...words, '--root', scratch.join('root')]);
  const first = store('import', image);
  expect(first).toMatchObject({ status: 0, stdout: expect.stringMatching(/^sha256:[0-9a-f]{64}\n$/) });
  expect(first.stderr).toBe('1 layer (10.0 KiB): 1 unpacked\n');
  expect(store('import', image).stderr).toBe('1 layer (10.0 KiB): 0 unpacked, 1 there already\n');
  expect(store('prepare', 'web', first.stdout.trim()).status).toBe(0);
  expect(store('mount', 'web', scratch.directory('target')).status).toBe(0);
  expect(readFileSync(scratch.join('target/etc/motd'), 'utf8')).toBe('hello');
  expect(store('import', scratch.join('nowhere'))).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_NOT_FOUND'),
  });
});
test('an image that is not there makes no store', () => {
  const scratch = scratchDirectory();
  const args = ['store', 'import', '--root', scratch.join('root'), scratch.join('nothing')];
  expect(overlayfs(args)).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_NOT_FOUND'),
  });
  expect(existsSync(scratch.join('root'))).toBe(false);
});
privileged('an import that is interrupted leaves nothing', async () => {
  const scratch = scratchDirectory();
  const root = scratch.join('root');
  expect(overlayfs(['store', 'prepare', '--root', root, 'first']).status).toBe(0);
  const args = ['store', 'import', '--root', root, endlessImage(scratch.join('image'))];
  const ended = await interrupted(args, join(root, 'sessions'));
  expect(ended).toEqual({ code: null, signal: 'SIGINT', stderr: '' });
  expect(overlayfs(['store', 'check', '--root', root])).toMatchObject({ status: 0, stdout: '' });
});
