// What is damaged or means nothing in a layer, and an overlay passes over: told as a finding, and everything is shown.
import {
  appendFileSync,
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import type { Finding } from '../../lib/format/overlay-error.ts';
import { openStack } from '../../lib/layer/stack.ts';
import { mount } from '../../lib/mount/mount.ts';
import { overlayfs } from '../cli/run-program.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr, xattrsOf } from '../support/xattr.ts';
import { whiteoutAt } from './merged-view.ts';

/** Entry, note, value: each of a kind that the kernel takes no notice of. */
const ODD: readonly (readonly [path: string, note: string, value: string])[] = [
  ['dir', 'opaque', 'yes'],
  ['file', 'opaque', 'y'],
  ['handle', 'origin', 'no handle'],
  ['dir2', 'upper', '\xff\xff'],
  ['dir2', 'impure', 'maybe'],
  ['links', 'nlink', 'U+'],
  ['flags', 'protattr', 'az'],
  ['full', 'whiteout', ''],
  ['dir3', 'metacopy', ''],
  ['dir4', 'redirect', 'not/followed'],
];

const lines = (findings: readonly Finding[]) =>
  findings.map(({ code, path, sentence }) => `${code} ${path} ${/overlay\.\w+/.exec(sentence)?.[0]}`).sort();

function layersWithOddNotes() {
  const scratch = scratchDirectory();
  for (const dir of ['dir', 'dir2', 'dir3', 'dir4']) scratch.directory(`u/${dir}`);
  for (const file of ['file', 'handle', 'links', 'flags']) scratch.file(`u/${file}`);
  scratch.file('u/full', 'not empty');
  scratch.file('l/dir/below');
  for (const [path, note, value] of ODD) setXattr(scratch.join('u', path), `trusted.overlay.${note}`, value);
  return { scratch, spec: { lower: scratch.join('l'), upper: scratch.join('u') } };
}

privileged(
  'damaged notes are remarks, of each stream and of lookup, and the view is the mount’s',
  async () => {
    const { scratch, spec } = layersWithOddNotes();
    // Only with nothing below is a wrong redirect not followed.
    const expected = ODD.map(([path, note]) => `ERR_OVERLAY_ODD_NOTE ${path} overlay.${note}`).filter(
      (line) => !line.includes('redirect'),
    );
    await using stack = await openStack(spec);
    const shown: string[] = [];
    const walk = stack.walk();
    for await (const { path } of walk) shown.push(String(path));
    await using overlay = await mount({ ...spec, work: scratch.directory('w') });
    const names = readdirSync(overlay.path, { recursive: true, encoding: 'utf8' });
    expect(shown.filter((path) => path !== '.').sort()).toEqual(names.sort());
    expect(lines(walk.findings).filter((line) => line.includes('ODD'))).toEqual(expected.sort());
    const changes = stack.changes();
    for await (const _ of changes);
    expect(lines(changes.findings).filter((line) => line.includes('ODD'))).toEqual(expected.sort());
    for (const [path, note] of ODD.filter(([, note]) => note !== 'redirect'))
      expect(lines((await stack.lookup(path)).findings)).toContain(
        `ERR_OVERLAY_ODD_NOTE ${path} overlay.${note}`,
      );
    // An overlay fails at this one, and so it is an error, once.
    expect(lines((await stack.lookup('dir4')).findings)).toEqual([
      'ERR_OVERLAY_BAD_REDIRECT dir4 overlay.redirect',
    ]);
  },
);

privileged('remarks leave the stream complete, and the commands go on', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/file');
  setXattr(scratch.join('l/file'), 'trusted.overlay.nlink', 'many');
  setXattr(scratch.join('l'), 'trusted.overlay.uuid', 'short');
  await using stack = await openStack({ lower: scratch.join('l') });
  const walk = stack.walk();
  for await (const _ of walk);
  expect([walk.complete, lines(walk.findings)]).toEqual([
    true,
    ['ERR_OVERLAY_ODD_NOTE . overlay.uuid', 'ERR_OVERLAY_ODD_NOTE file overlay.nlink'],
  ]);
  const tree = overlayfs(['tree', '--lower', scratch.join('l')]);
  expect(tree).toMatchObject({ status: 0, stderr: expect.stringContaining('overlay.nlink at "file"') });
  const which = overlayfs(['which', '--lower', scratch.join('l'), 'file']);
  expect(which).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('! the attribute overlay.nlink'),
  });
});

privileged('a whiteout in the bottom layer hides nothing, and that is said', async () => {
  const scratch = scratchDirectory();
  scratch.file('l0/dir/x');
  scratch.file('l1/dir/y');
  for (const name of ['l1/gone', 'l1/dir/gone', 'l0/hides', 'l0/dir/y']) whiteoutAt(scratch.join(name));
  const spec = { lower: [scratch.join('l0'), scratch.join('l1')] };
  await using stack = await openStack(spec);
  const walk = stack.walk();
  const shown: string[] = [];
  for await (const { path } of walk) shown.push(String(path));
  expect(shown.sort()).toEqual(['.', 'dir', 'dir/x']);
  const said = ['gone', 'dir/gone'].map((path) => `ERR_OVERLAY_WHITEOUT_AT_BOTTOM ${path} undefined`);
  expect(lines(walk.findings)).toEqual([...said].sort());
  expect(walk.complete).toBe(true);
  const { entry, layers, findings } = await stack.lookup('dir/gone');
  expect([entry, layers.map(({ role }) => role), lines(findings)]).toEqual([
    undefined,
    ['absent', 'deletes'],
    [said[1]],
  ]);
  expect((await stack.lookup('dir/y')).findings).toEqual([]);
  await using overlay = await mount(spec);
  expect(() => lstatSync(`${overlay.path}/gone`)).toThrow('ENOENT');
});

privileged('what the kernel writes itself is never odd', async () => {
  const scratch = scratchDirectory();
  for (const name of ['l/dir/sub/x', 'l/file', 'l/meta', 'l/flags', 'l/gone']) scratch.file(name, 'content');
  linkSync(scratch.join('l/file'), scratch.join('l/link'));
  const spec = {
    lower: [scratch.join('l')],
    upper: scratch.directory('u'),
    work: scratch.directory('w'),
    options: { index: true, uuid: 'on', metacopy: true, redirectDir: 'on' },
  } as const;
  {
    await using overlay = await mount(spec);
    const at = (name: string) => `${overlay.path}/${name}`;
    appendFileSync(at('file'), 'more');
    chmodSync(at('meta'), 0o600);
    renameSync(at('dir/sub'), at('moved'));
    rmSync(at('gone'));
    mkdirSync(at('gone'));
    run('chattr', '+i', at('flags'));
    run('chattr', '-i', at('flags'));
    run('chattr', '+i', at('file'));
  }
  const seen = new Set<string>();
  for (const name of ['', 'dir', 'file', 'meta', 'moved', 'gone', 'flags'])
    for (const key of Object.keys(xattrsOf(scratch.join('u', name)))) seen.add(key.split('.').at(-1)!);
  await using stack = await openStack(spec);
  for (const stream of [stack.walk(), stack.changes()]) {
    for await (const _ of stream);
    expect([stream.findings, stream.complete]).toEqual([[], true]);
  }
  const notes = ['impure', 'metacopy', 'nlink', 'opaque', 'origin', 'protattr', 'redirect', 'uuid'];
  expect([...seen].filter((note) => notes.includes(note)).sort()).toEqual(notes);
});

test('where all is well there is nothing to remark', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/dir/x');
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.directory('u') });
  const walk = stack.walk();
  for await (const _ of walk);
  expect([walk.findings, walk.complete, (await stack.lookup('dir/x')).findings]).toEqual([[], true, []]);
});
