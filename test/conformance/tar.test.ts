// Real archives: what GNU tar, bsdtar and Python's tarfile write is read, and what is written here they unpack.
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { END_OF_ARCHIVE, formatEntry, paddingBytes } from '../../lib/format/tar/writer.ts';
import { type Read, readAll } from '../format/tar/archive.ts';
import { run, which } from '../support/command.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory, suiteScratchDirectory } from '../support/scratch.ts';

const suite = suiteScratchDirectory();
const root = (): string => suite.join('tree');

beforeAll(() => {
  if (which('python3') === undefined) return;
  suite.directory('tree');
  run('python3', new URL('tree.py', import.meta.url).pathname, root());
});

function need(...programs: readonly string[]): void {
  for (const program of ['python3', ...programs]) {
    if (which(program) === undefined) missing(`${program} is not installed`);
  }
}

/** What an entry says, with a hard link taken for what it links to; one form for archives and for trees. */
type Facts = Record<string, unknown>;

function tidy(name: Buffer): string {
  return name
    .toString('latin1')
    .replace(/^(?:\.?\/)+/, '')
    .replace(/\/+$/, '');
}

function factsOfArchive(entries: readonly Read[]): Map<string, Facts> {
  const facts = new Map<string, Facts>();
  for (const entry of entries) {
    const name = tidy(entry.name);
    if (name === '' || name === '.') continue;
    const first = entry.type === 'hardlink' ? facts.get(tidy(entry.linkname)) : undefined;
    if (first !== undefined) facts.set(name, first);
    else facts.set(name, factsOfEntry(entry));
  }
  return facts;
}

function factsOfEntry({ type, mode, uid, gid, mtime, size, linkname, device, xattrs, content }: Read): Facts {
  return {
    type,
    mode,
    uid,
    gid,
    mtime,
    size,
    linkname: linkname.toString('latin1'),
    device: `${device.major}:${device.minor}`,
    xattrs: Object.fromEntries(
      xattrs
        .map(({ name, value }) => [name.toString('latin1'), value.toString('latin1')] as const)
        .filter(([name]) => name !== 'security.selinux')
        .sort(),
    ),
    content: content.toString('base64'),
  };
}

const TYPES: readonly (readonly [number, Read['type']])[] = [
  [0o100000, 'file'],
  [0o040000, 'directory'],
  [0o120000, 'symlink'],
  [0o020000, 'character'],
  [0o010000, 'fifo'],
];

/** The attributes of all files, which Node has no call for. */
function xattrsBelow(directory: string): Record<string, Record<string, string>> {
  const script = `
import json, os, sys
found = {}
for at, names, files in os.walk(os.fsencode(sys.argv[1])):
    for name in names + files:
        path = os.path.join(at, name)
        values = {k: os.getxattr(path, k, follow_symlinks=False).decode('latin1') for k in os.listxattr(path, follow_symlinks=False)}
        found[os.path.relpath(path, os.fsencode(sys.argv[1])).decode('latin1')] = values
print(json.dumps(found))`;
  return JSON.parse(run('python3', '-c', script, directory));
}

function factsOfTree(directory: string): Map<string, Facts> {
  const xattrs = xattrsBelow(directory);
  const facts = new Map<string, Facts>();
  const walk = (below: Buffer): void => {
    for (const name of readdirSync(below, { encoding: 'buffer' })) {
      const path = Buffer.concat([below, Buffer.from('/'), name]);
      const stat = lstatSync(path, { bigint: true });
      const type = TYPES.find(([bits]) => bits === (Number(stat.mode) & 0o170000))![1];
      const rdev = Number(stat.rdev);
      const key = path.toString('latin1').slice(Buffer.byteLength(directory) + 1);
      facts.set(key, {
        type,
        mode: Number(stat.mode) & 0o7777,
        uid: Number(stat.uid),
        gid: Number(stat.gid),
        mtime: stat.mtimeNs,
        size: type === 'file' ? Number(stat.size) : 0,
        linkname: type === 'symlink' ? readlinkSync(path, 'buffer').toString('latin1') : '',
        device: `${(rdev >> 8) & 0xfff}:${rdev & 0xff}`,
        xattrs: Object.fromEntries(
          Object.entries(xattrs[key] ?? {})
            .filter(([xattr]) => xattr !== 'security.selinux')
            .sort(),
        ),
        content: type === 'file' ? readFileSync(path).toString('base64') : '',
      });
      if (type === 'directory') walk(path);
    }
  };
  walk(Buffer.from(directory));
  return facts;
}

/** What a format has no words for is taken from both sides. */
function without(facts: Map<string, Facts>, change: (name: string, facts: Facts) => Facts | undefined) {
  return new Map(
    [...facts].flatMap(([name, of]) => {
      const changed = change(name, of);
      return changed === undefined ? [] : [[name, changed] as const];
    }),
  );
}

const seconds = (mtime: unknown): bigint => {
  const time = mtime as bigint;
  const rest = ((time % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return time - rest;
};
/** ustar and V7: whole seconds, no attributes, short names, small owners. */
const small = (name: string, of: Facts): Facts | undefined =>
  name.length > 200 ||
  String(of.linkname).length > 100 ||
  Number(of.uid) > 2 ** 21 ||
  (of.mtime as bigint) < 0n
    ? undefined
    : { ...of, mtime: seconds(of.mtime), xattrs: {} };
const wholeSeconds = (_: string, of: Facts): Facts => ({ ...of, mtime: seconds(of.mtime), xattrs: {} });
const all = (_: string, of: Facts): Facts => of;
/** bsdtar writes -2.5 or 0 for a time of -1.5 seconds, and Python -1. */
const since1970 =
  (kept: typeof small) =>
  (name: string, of: Facts): Facts | undefined =>
    name === 'before-1970' ? undefined : kept(name, of);

const PYTHON = `
import sys, tarfile
with tarfile.open(sys.argv[2], 'w', format=getattr(tarfile, sys.argv[1]), encoding='utf-8', errors='surrogateescape') as out:
    out.add(sys.argv[3], arcname='.')`;
const gnu = (...options: string[]) => ['tar', ...options, '--xattrs', '--xattrs-include=*', '-cf'];

const WRITERS: Readonly<
  Record<string, readonly [readonly string[], (name: string, of: Facts) => Facts | undefined]>
> = {
  'GNU tar, pax': [gnu('--format=posix'), all],
  'GNU tar, pax, sparse 0.0': [gnu('--format=posix', '--sparse', '--sparse-version=0.0'), all],
  'GNU tar, pax, sparse 0.1': [gnu('--format=posix', '--sparse', '--sparse-version=0.1'), all],
  'GNU tar, pax, sparse 1.0': [gnu('--format=posix', '--sparse', '--sparse-version=1.0'), all],
  'GNU tar, GNU': [['tar', '--format=gnu', '-cf'], wholeSeconds],
  'GNU tar, GNU, sparse': [['tar', '--format=gnu', '--sparse', '-cf'], wholeSeconds],
  'GNU tar, old GNU': [['tar', '--format=oldgnu', '-cf'], wholeSeconds],
  'bsdtar, pax': [['bsdtar', '--format=pax', '-cf'], since1970(all)],
  'bsdtar, pax, sparse': [['bsdtar', '--format=pax', '--read-sparse', '-cf'], since1970(all)],
  'bsdtar, GNU': [['bsdtar', '--format=gnutar', '-cf'], since1970(wholeSeconds)],
};

describe.each(Object.keys(WRITERS))('%s', (name) => {
  test('is read as it was', () => {
    const [[program, ...args], kept] = WRITERS[name]!;
    need(program!);
    const archive = scratchDirectory().join('a.tar');
    run(program!, ...args, archive, '-C', root(), '.');
    const read = factsOfArchive(readAll(readFileSync(archive), 65_536));
    expect(without(read, kept)).toEqual(without(factsOfTree(root()), kept));
  });
});

test.each([
  ['PAX_FORMAT', wholeSecondsOrLess],
  ['GNU_FORMAT', since1970(wholeSeconds)],
] as const)("Python's tarfile in %s is read as it was", (format, kept) => {
  need();
  const archive = scratchDirectory().join('a.tar');
  run('python3', '-c', PYTHON, format, archive, root());
  const read = factsOfArchive(readAll(readFileSync(archive), 65_536));
  expect(without(read, kept)).toEqual(without(factsOfTree(root()), kept));
});

/** Python's times are floating-point numbers, and it writes no attributes. */
function wholeSecondsOrLess(_: string, of: Facts): Facts {
  return { ...of, mtime: (of.mtime as bigint) / 1000n, xattrs: {} };
}

test.each(['ustar', 'v7'])('GNU tar in %s, of what these have words for, is read as it was', (format) => {
  need('tar');
  const archive = scratchDirectory().join('a.tar');
  const names = [...factsOfTree(root())].flatMap(([name, of]) =>
    small(name, of) !== undefined && name.length < 90 && of.type !== 'character' && of.type !== 'fifo'
      ? [name]
      : [],
  );
  const list = scratchDirectory().file('names', Buffer.from(`${names.join('\0')}\0`, 'latin1'));
  run('tar', `--format=${format}`, '--no-recursion', '-cf', archive, '-C', root(), '--null', '-T', list);
  const read = factsOfArchive(readAll(readFileSync(archive), 65_536));
  expect(read.size).toBe(names.length);
  const tree = new Map([...factsOfTree(root())].filter(([name]) => names.includes(name)));
  expect(without(read, small)).toEqual(without(tree, small));
});

describe('what is written here', () => {
  /** GNU tar's pax archive, read and written again, without names that are not wanted. */
  function rewritten(wanted: (name: string) => boolean = () => true): string {
    need('tar');
    const scratch = scratchDirectory();
    run('tar', ...gnu('--format=posix').slice(1), scratch.join('in.tar'), '-C', root(), '.');
    const output = scratch.join('out.tar');
    const file = openSync(output, 'w');
    for (const { at: _, content, ...entry } of readAll(readFileSync(scratch.join('in.tar')))) {
      if (!wanted(tidy(entry.name))) continue;
      for (const part of [formatEntry(entry), content, paddingBytes(entry.size)]) writeSync(file, part);
    }
    writeSync(file, END_OF_ARCHIVE);
    closeSync(file);
    return output;
  }

  const isAscii = (name: string): boolean => Buffer.from(name, 'latin1').every((byte) => byte < 0x80);

  test('is unpacked by GNU tar to the same tree', () => {
    const output = rewritten();
    const target = scratchDirectory().directory('target');
    run('tar', '--xattrs', '--xattrs-include=*', '--numeric-owner', '-xpf', output, '-C', target);
    expect(factsOfTree(target)).toEqual(factsOfTree(root()));
  });

  // It takes names in pax records for UTF-8 and unpacks no others, reads -1.5 seconds as -0.5, and leaves escapes in
  // the names of attributes.
  test('is unpacked by bsdtar to the same tree, of what that can do', () => {
    need('bsdtar');
    const output = rewritten(isAscii);
    const target = scratchDirectory().directory('target');
    run('bsdtar', '--xattrs', '--numeric-owner', '-xpf', output, '-C', target);
    const kept = since1970((name, of) => {
      const xattrs = Object.entries(of.xattrs as object).filter(([xattr]) => !xattr.startsWith('user.a'));
      return isAscii(name) ? { ...of, xattrs } : undefined;
    });
    expect(without(factsOfTree(target), kept)).toEqual(without(factsOfTree(root()), kept));
  });

  test("is read by Python's tarfile with the same names", () => {
    const script = `
import json, sys, tarfile
with tarfile.open(sys.argv[1], encoding='latin1') as archive:
    print(json.dumps([[m.name, m.size, m.linkname] for m in archive]))`;
    const output = rewritten(isAscii);
    const written = readAll(readFileSync(output)).map(({ name, size, linkname }) => [
      name.toString('latin1').replace(/\/$/, ''),
      size,
      linkname.toString('latin1'),
    ]);
    expect(JSON.parse(run('python3', '-c', script, output))).toEqual(written);
  });
});
