// The merged view of a stack is that of the mounted overlay, entry by entry.
import {
  chmodSync,
  linkSync,
  lstatSync,
  lutimesSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { mount } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';
import { bothViews, type View, whiteoutAt as whiteout } from './merged-view.ts';

/** Layers by their names: `u` upper, `l0`, `l1` … lowers, `d0` … data; a name with a final slash is a directory. */
function layers(tree: Record<string, string>): {
  scratch: Scratch;
  spec: MountSpec;
  at: (name: string) => string;
} {
  const scratch = scratchDirectory();
  for (const [name, content] of Object.entries(tree)) {
    if (name.endsWith('/')) scratch.directory(name);
    else scratch.file(name, content);
  }
  const tops = [...new Set(Object.keys(tree).map((name) => name.split('/')[0]!))].sort();
  const of = (letter: string) => tops.filter((name) => name[0] === letter).map((name) => scratch.join(name));
  const [upper] = of('u');
  const data = of('d');
  const spec: MountSpec = {
    lower: of('l'),
    ...(data.length > 0 ? { data } : {}),
    ...(upper === undefined ? {} : { upper, work: scratch.directory('work') }),
  };
  return { scratch, spec, at: (name) => scratch.join(name) };
}

async function same(spec: MountSpec): Promise<View> {
  const { mounted, stacked } = await bothViews(spec);
  expect(stacked).toEqual(mounted);
  return mounted;
}

describe('the merged view equals the mount', () => {
  privileged('with one lower, every type of file, names of any bytes, modes and times', async () => {
    const { spec, at } = layers({ 'l0/dir/file': 'x', 'l0/new\nline': 'y', 'l0/empty/': '' });
    symlinkSync('/nowhere', at('l0/link'));
    symlinkSync('link', at('l0/loop'));
    for (const [name, mode, device] of [
      ['fifo', 0o010600, 0],
      ['socket', 0o140600, 0],
      ['null', 0o020600, 0x103],
      ['disk', 0o060600, 0x7_00],
    ] as const)
      callSync('mknodat', AT_FDCWD, at(`l0/${name}`), mode, device);
    writeFileSync(Buffer.concat([Buffer.from(`${at('l0')}/`), Buffer.from([0xff, 0xfe, 0x5c])]), 'bytes');
    linkSync(at('l0/dir/file'), at('l0/hard'));
    chmodSync(at('l0/dir/file'), 0o4751);
    lutimesSync(at('l0/link'), -5.5, -5.5);
    setXattr(at('l0/dir'), 'user.mime', 'a\0b');
    setXattr(at('l0/dir'), 'trusted.note', 'n');
    const view = await same(spec);
    expect(Object.keys(view)).toContain('\xff\xfe\\');
    expect(view['dir/file']).toMatchObject({ mode: 0o4751, nlink: 2 });
  });

  privileged('with directories merged, whiteouts, opaque ones, and changes of type', async () => {
    const { spec, at } = layers({
      'u/merged/up': '1',
      'u/opaque/up': '2',
      'u/file-over-dir': '3',
      'u/dir-over-file/up': '4',
      'l0/merged/middle': '5',
      'l0/merged/both': '6',
      'l0/opaque/gone': '7',
      'l0/file-over-dir/gone': '8',
      'l0/dir-over-file': '9',
      'l0/deleted': '10',
      'l0/deleted-dir/x': '11',
      'l0/barrier/': '',
      'l1/merged/both': '12',
      'l1/merged/low': '13',
      'l1/opaque/gone-too': '14',
      'l1/dir-over-file/gone': '15',
      'l1/barrier/below': '16',
      'l1/bottom-deleted': '17',
      'l2/merged/low': '18',
      'l2/dir-over-file/gone': '19',
    });
    setXattr(at('u/opaque'), 'trusted.overlay.opaque', 'y');
    setXattr(at('l0/barrier'), 'trusted.overlay.opaque', 'y');
    whiteout(at('u/deleted'));
    whiteout(at('u/deleted-dir'));
    whiteout(at('u/over-nothing'));
    whiteout(at('l0/bottom-deleted'));
    whiteout(at('l2/at-the-bottom'));
    whiteout(at('l2/merged/at-the-bottom'));
    const view = await same(spec);
    expect(Object.keys(view)).toEqual([
      '.',
      'barrier',
      'dir-over-file',
      'dir-over-file/up',
      'file-over-dir',
      'merged',
      'merged/both',
      'merged/low',
      'merged/middle',
      'merged/up',
      'opaque',
      'opaque/up',
    ]);
  });

  privileged('with redirects, absolute and of siblings, over several layers', async () => {
    const { spec, at } = layers({
      'u/new-name/up': '1',
      'u/deep/moved/': '',
      'u/again/': '',
      'u/sub/renamed/': '',
      'u/a/b/': '',
      'l0/old-name/middle': '2',
      'l0/once/': '',
      'l0/sub/x': '',
      'l1/old-name/low': '3',
      'l1/a/b/c/file': '4',
      'l1/first/file': '5',
      'l1/sub/original/file': '6',
      'l2/old-name/lowest': '7',
      'l2/first/more': '8',
    });
    const options = { redirectDir: 'on' } as const;
    setXattr(at('u/new-name'), 'trusted.overlay.redirect', 'old-name');
    whiteout(at('u/old-name'));
    setXattr(at('u/deep/moved'), 'trusted.overlay.redirect', '/a/b/c');
    setXattr(at('u/again'), 'trusted.overlay.redirect', 'once');
    setXattr(at('l0/once'), 'trusted.overlay.redirect', 'first');
    setXattr(at('u/sub/renamed'), 'trusted.overlay.redirect', 'original');
    // A directory that is seen in two places is ESTALE in one of them.
    for (const moved of ['u/a/b/c', 'u/once', 'l0/first', 'u/sub/original']) whiteout(at(moved));
    const view = await same({ ...spec, options });
    expect(Object.keys(view)).toEqual(
      expect.arrayContaining([
        'again/file',
        'again/more',
        'deep/moved/file',
        'new-name/lowest',
        'new-name/up',
        'sub/renamed/file',
      ]),
    );
    // The mount fails to list the directory, too; the stack goes on.
    const nofollow = { ...spec, options: { redirectDir: 'nofollow' } } as const;
    const { stacked } = await bothViews(nofollow);
    await using overlay = await mount(nofollow);
    for (const name of ['new-name', 'again', 'sub/renamed']) {
      expect(stacked[name]).toEqual({ type: 'EPERM' });
      expect(() => lstatSync(`${overlay.path}/${name}`)).toThrow('EPERM');
    }
  });

  privileged(
    'with an absolute redirect below an opaque directory, through renamed ones, and to nothing',
    async () => {
      const { spec, at } = layers({
        'u/opaque/in/': '',
        'u/nowhere/': '',
        'u/through/': '',
        'u/over-file/': '',
        'u/blocked/': '',
        'u/renamed/': '',
        'l0/opaque/in/hidden': '',
        'l0/renamed/': '',
        'l0/blocked-below/': '',
        'l1/real/file': '1',
        'l1/original/deep/file': '2',
        'l1/plain': '3',
        'l1/blocked-below/dir/x': '4',
      });
      setXattr(at('u/opaque'), 'trusted.overlay.opaque', 'y');
      setXattr(at('u/opaque/in'), 'trusted.overlay.redirect', '/real');
      setXattr(at('u/nowhere'), 'trusted.overlay.redirect', '/not/there');
      setXattr(at('u/through'), 'trusted.overlay.redirect', '/renamed/deep');
      setXattr(at('l0/renamed'), 'trusted.overlay.redirect', 'original');
      setXattr(at('u/over-file'), 'trusted.overlay.redirect', '/plain');
      setXattr(at('u/blocked'), 'trusted.overlay.redirect', '/blocked-below/dir');
      setXattr(at('l0/blocked-below'), 'trusted.overlay.opaque', 'y');
      for (const moved of ['u/real', 'u/renamed/deep', 'l0/original']) whiteout(at(moved));
      const view = await same({ ...spec, options: { redirectDir: 'on' } });
      expect(Object.keys(view)).toEqual(expect.arrayContaining(['opaque/in/file', 'through/file']));
    },
  );

  privileged('with redirects that the kernel refuses', async () => {
    const bad = ['', '/', 'a/b', '/a//b', '/a/', '..', '/../etc', '.', '\0', '/a/../b'];
    const { spec, at } = layers({
      ...Object.fromEntries(bad.map((_, i) => [`u/bad${i}/`, ''])),
      'u/long/': '',
      'u/only-here/never-followed/': '',
      'u/stops-before/': '',
      'l0/a/b/x': '',
      'l1/a/y': '',
    });
    bad.forEach((value, i) => {
      setXattr(at(`u/bad${i}`), 'trusted.overlay.redirect', value);
    });
    setXattr(at('u/long'), 'trusted.overlay.redirect', `/${'n'.repeat(300)}`);
    // A name that leads elsewhere is refused when the kernel gets to it.
    setXattr(at('u/only-here/never-followed'), 'trusted.overlay.redirect', '..');
    setXattr(at('u/stops-before'), 'trusted.overlay.redirect', '/nowhere/../a');
    const view = await same({ ...spec, options: { redirectDir: 'on' } });
    expect(view.bad0).toEqual({ type: 'EINVAL' });
    expect(view.bad5).toEqual({ type: 'EACCES' });
    expect(view.long?.type).toBe('directory');
    expect(view['only-here/never-followed']?.type).toBe('directory');
    expect(view['stops-before']?.type).toBe('directory');
  });

  privileged('with metacopies, also renamed and of several layers', async () => {
    const { spec, at } = layers({
      'u/renamed': '',
      'u/twice': '',
      'u/orphan': '',
      'u/over-dir': '',
      'u/short': '',
      'u/plain': '',
      'l0/twice': '',
      'l0/plain': 'content',
      'l0/lower-meta': '',
      'l1/lower-meta': 'lower content',
      'l1/old': 'old content',
      'l1/twice': 'twice content',
      'l1/over-dir/x': '',
      'l1/short': 'z',
    });
    for (const name of [
      'u/renamed',
      'u/twice',
      'u/orphan',
      'u/over-dir',
      'u/plain',
      'l0/twice',
      'l0/lower-meta',
    ])
      setXattr(at(name), 'trusted.overlay.metacopy', '');
    setXattr(at('u/short'), 'trusted.overlay.metacopy', 'ab');
    setXattr(at('u/renamed'), 'trusted.overlay.redirect', '/old');
    whiteout(at('u/old'));
    truncateSync(at('u/renamed'), 11);
    truncateSync(at('u/twice'), 13);
    truncateSync(at('u/plain'), 7);
    truncateSync(at('l0/lower-meta'), 13);
    chmodSync(at('u/plain'), 0o600);
    const view = await same({ ...spec, options: { metacopy: true, redirectDir: 'on' } });
    expect(view.renamed).toMatchObject({ size: 11, content: 'old content' });
    expect(view.twice).toMatchObject({ content: 'twice content' });
    expect(view.orphan).toEqual({ type: 'EIO' });
    const off = await same({ ...spec, options: { metacopy: false } });
    expect(off.plain).toEqual({ type: 'EPERM' });
  });

  privileged('with data layers', async () => {
    const { spec, at } = layers({
      'u/copied': '',
      'l0/first': '',
      'l0/second': '',
      'l0/missing': '',
      'l0/relative': '',
      'l1/deeper': '',
      'l1/copied': 'lower',
      'd0/objects/aa': 'data of the first',
      'd1/objects/bb': 'data of the other',
      'd1/objects/aa': 'not this',
    });
    for (const [name, object] of [
      ['l0/first', '/objects/aa'],
      ['l0/second', '/objects/bb'],
      ['l0/missing', '/objects/cc'],
      ['l1/deeper', '/objects/aa'],
    ] as const) {
      setXattr(at(name), 'trusted.overlay.metacopy', '');
      setXattr(at(name), 'trusted.overlay.redirect', object);
      truncateSync(at(name), 17);
    }
    for (const name of ['l0/relative', 'u/copied']) setXattr(at(name), 'trusted.overlay.metacopy', '');
    const options = { metacopy: true, redirectDir: 'on' } as const;
    const { mounted, stacked } = await bothViews({ ...spec, options });
    expect(stacked.missing?.content).toMatch(/none has a file there/);
    expect({ ...stacked, missing: 0 }).toEqual({ ...mounted, missing: 0 });
    expect(mounted.first?.content).toBe('data of the first');
  });

  privileged('with whiteouts in the form of attributes', async () => {
    const { spec, at } = layers({
      'u/dir/kept': '',
      'u/dir/up-deleted': '',
      'l0/dir/deleted': '',
      'l0/dir/not-empty': 'x',
      'l0/unmarked/deleted': '',
      'l1/dir/deleted': '1',
      'l1/dir/not-empty': '2',
      'l1/dir/up-deleted': '3',
      'l1/unmarked/deleted': '4',
      'l1/unmarked/other': '5',
    });
    setXattr(at('l0/dir'), 'trusted.overlay.opaque', 'x');
    for (const name of ['l0/dir/deleted', 'l0/dir/not-empty', 'l0/unmarked/deleted', 'u/dir/up-deleted'])
      setXattr(at(name), 'trusted.overlay.whiteout', 'y');
    const view = await same(spec);
    expect(Object.keys(view)).toEqual([
      '.',
      'dir',
      'dir/kept',
      'dir/not-empty',
      'unmarked',
      'unmarked/other',
    ]);
  });

  privileged('with notes of an overlay over this one, and of the other dialect', async () => {
    const { spec, at } = layers({ 'u/dir/x': '', 'l0/dir/y': '', 'l0/file': 'z' });
    setXattr(at('u/dir'), 'trusted.overlay.overlay.opaque', 'y');
    setXattr(at('u/dir'), 'user.overlay.opaque', 'y');
    setXattr(at('l0/file'), 'trusted.overlay.overlay.overlay.metacopy', '');
    setXattr(at('l0/file'), 'trusted.overlay.whatever', '');
    const view = await same(spec);
    expect(view.dir?.xattrs).toEqual({ 'trusted.overlay.opaque': 'y', 'user.overlay.opaque': 'y' });
    const user = await same({ ...spec, upper: at('u'), options: { userxattr: true }, mixDialects: true });
    expect(Object.keys(user)).toEqual(['.', 'dir', 'dir/x', 'file']);
  });

  privileged('with something mounted in a layer', async () => {
    const { spec, at } = layers({ 'l0/dir/below': 'seen', 'l1/dir/lower': '' });
    const other = scratchDirectory();
    other.file('over', 'not seen');
    run('mount', '--bind', other.path, at('l0/dir'));
    const view = await same(spec);
    expect(Object.keys(view)).toEqual(['.', 'dir', 'dir/below', 'dir/lower']);
  });
});
