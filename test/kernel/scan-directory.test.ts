// A scan: every entry once, with what statx(2) and its attributes say, however large, odd or unreadable it is.
import { lstatSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { callSync, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD, O_NOFOLLOW, O_PATH, RESOLVE_BENEATH, S_IFCHR } from '../../lib/kernel/constants.ts';
import { type Routine, runAsync, runSync } from '../../lib/kernel/routine.ts';
import { openScan, type ScannedEntry, scanEntry } from '../../lib/kernel/scan-directory.ts';
import { packageRoot } from '../support/built-package.ts';
import { runFaked } from '../support/fake-errno.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';

type Run = <T>(routine: Routine<T>) => Promise<T>;
const forms: [string, Run][] = [
  ['sync', async (routine) => runSync(routine)],
  ['promise', runAsync],
];

/** All batches, with names as latin1 text. */
async function batchesOf(run: Run, path: string, xattrs: readonly string[]): Promise<ScannedEntry[][]> {
  const before = openDescriptors();
  const batches: ScannedEntry[][] = [];
  const scan = await run(openScan(AT_FDCWD, path, 0, { xattrs }));
  try {
    for (let more = await run(scan.next()); more.length > 0; more = await run(scan.next()))
      batches.push(more);
    expect(await run(scan.next())).toEqual([]);
  } finally {
    scan.close();
  }
  expect(openDescriptors()).toEqual(before);
  return batches;
}

async function entriesOf(
  run: Run,
  path: string,
  xattrs: readonly string[] = [],
): Promise<Map<string, ScannedEntry>> {
  const entries = (await batchesOf(run, path, xattrs)).flat();
  const map = new Map(entries.map((entry) => [entry.name.toString('latin1'), entry]));
  expect(map.size).toBe(entries.length);
  return map;
}

const shownXattrs = ({ xattrs }: ScannedEntry) =>
  Object.fromEntries([...xattrs].map(([name, value]) => [name, value.toString('latin1')]));

describe.each(forms)('%s', (_, run) => {
  test('tells of each entry what lstat tells', async () => {
    const scratch = scratchDirectory();
    truncateSync(scratch.file('dir/large'), 2 ** 33 + 5);
    utimesSync(scratch.file('dir/old'), -1000, -1000.5);
    scratch.directory('dir/sub');
    symlinkSync('/nowhere', scratch.join('dir/link'));
    for (const name of ['\xff\xfe', 'a\nb', 'x'.repeat(255), '...'])
      writeFileSync(Buffer.concat([Buffer.from(`${scratch.path}/dir/`), Buffer.from(name, 'latin1')]), name);
    const entries = await entriesOf(run, scratch.join('dir'));
    expect(entries.size).toBe(8);
    for (const { name, stat, error, xattrs } of entries.values()) {
      const path = Buffer.concat([Buffer.from(`${scratch.path}/dir/`), name]);
      const real = lstatSync(path, { bigint: true });
      expect(error).toBeUndefined();
      expect(xattrs.size).toBe(0);
      expect({
        mode: stat!.mode,
        nlink: stat!.nlink,
        uid: stat!.uid,
        gid: stat!.gid,
        ino: stat!.ino,
        size: stat!.size,
        mtime: stat!.mtime,
        ctime: stat!.ctime,
        isDirectory: stat!.isDirectory,
        dev: BigInt((stat!.devMajor << 8) | (stat!.devMinor & 0xff) | ((stat!.devMinor & ~0xff) * 2 ** 12)),
      }).toEqual({
        mode: Number(real.mode),
        nlink: Number(real.nlink),
        uid: Number(real.uid),
        gid: Number(real.gid),
        ino: real.ino,
        size: Number(real.size),
        mtime: real.mtimeNs,
        ctime: real.ctimeNs,
        isDirectory: real.isDirectory(),
        dev: real.dev,
      });
    }
  });

  test('reads the attributes that are wanted, with any bytes in name and value', async () => {
    const scratch = scratchDirectory();
    const path = scratch.file('dir/file');
    setXattr(path, 'user.overlay.opaque', 'y');
    setXattr(path, 'user.overlay.empty', '');
    setXattr(path, 'user.other', Buffer.from([0, 255, 10]));
    setXattr(path, 'user.large', Buffer.alloc(2000, 7));
    const wanted = async (...prefixes: string[]) =>
      shownXattrs((await entriesOf(run, scratch.join('dir'), prefixes)).get('file')!);
    const overlay = { 'user.overlay.opaque': 'y', 'user.overlay.empty': '' };
    const other = { 'user.other': '\0\xff\n' };
    expect(await wanted()).toEqual({});
    expect(await wanted('user.overlay.')).toEqual(overlay);
    expect(await wanted('user.overlay.', 'user.other')).toEqual({ ...overlay, ...other });
    expect(await wanted('trusted.overlay.')).toEqual({});
    expect(await wanted('')).toEqual({ ...overlay, ...other, 'user.large': '\x07'.repeat(2000) });
  });

  test('comes in bounded batches, each entry once', async () => {
    const scratch = scratchDirectory();
    const names = Array.from({ length: 5000 }, (_, i) => `a-name-of-some-length-${i}`);
    for (const name of names) scratch.file(`dir/${name}`);
    const batches = await batchesOf(run, scratch.join('dir'), ['']);
    expect(
      batches
        .flat()
        .map(({ name }) => name.toString())
        .sort(),
    ).toEqual(names.sort());
    expect(Math.max(...batches.map((batch) => batch.length))).toBeLessThan(1500);
  });

  privileged('goes back to the entry for which there was no room', async () => {
    const scratch = scratchDirectory();
    for (const { path } of [tmpfsMount({ scratch }), loopFilesystem('xfs', { scratch })]) {
      const names = Array.from({ length: 40 }, (_, i) => `name-${i}`);
      for (const [i, name] of names.entries()) {
        writeFileSync(`${path}/${name}`, '');
        setXattr(`${path}/${name}`, 'user.large', Buffer.alloc(20_000 + i, i));
      }
      const batches = await batchesOf(run, path, ['user.']);
      expect(batches.length).toBeGreaterThan(2);
      const found = batches.flat().map((entry) => {
        const value = entry.xattrs.get('user.large')!;
        expect(value.equals(Buffer.alloc(value.length, value.length - 20_000))).toBe(true);
        return entry.name.toString();
      });
      expect(found.sort()).toEqual(names.sort());
    }
  });

  privileged('reads attributes of whiteouts, links and fifos themselves', async () => {
    const scratch = scratchDirectory();
    const target = scratch.file('target');
    setXattr(target, 'trusted.overlay.redirect', 'of the target');
    scratch.directory('dir');
    symlinkSync(target, scratch.join('dir/link'));
    callSync('mknodat', AT_FDCWD, scratch.join('dir/gone'), S_IFCHR, 0);
    setXattr(scratch.join('dir/link'), 'trusted.overlay.redirect', 'of the link');
    setXattr(scratch.join('dir/gone'), 'trusted.overlay.origin', 'odd');
    const entries = await entriesOf(run, scratch.join('dir'), ['trusted.overlay.']);
    expect(shownXattrs(entries.get('link')!)).toEqual({ 'trusted.overlay.redirect': 'of the link' });
    expect(shownXattrs(entries.get('gone')!)).toEqual({ 'trusted.overlay.origin': 'odd' });
    expect(entries.get('gone')!.stat).toMatchObject({ rdevMajor: 0, rdevMinor: 0 });
  });

  test('an empty directory has no entries, and its path is confined', async () => {
    const scratch = scratchDirectory();
    expect(await batchesOf(run, scratch.directory('empty'), [''])).toEqual([]);
    const inside = callSync('openat', AT_FDCWD, scratch.path, O_PATH, 0);
    try {
      const request = { xattrs: [] };
      await expect(run(openScan(inside, '../..', RESOLVE_BENEATH, request))).rejects.toMatchObject({
        code: 'EXDEV',
      });
      scratch.file('file');
      await expect(run(openScan(inside, 'file', RESOLVE_BENEATH, request))).rejects.toMatchObject({
        code: 'ENOTDIR',
      });
      symlinkSync('empty', scratch.join('link'));
      await expect(run(openScan(inside, 'link', RESOLVE_BENEATH, request))).rejects.toThrow(/ELOOP|ENOTDIR/);
    } finally {
      close(inside);
    }
  });

  test('one entry, the descriptor itself of any kind, and one that is not there', async () => {
    const scratch = scratchDirectory();
    setXattr(scratch.file('dir/file', 'text'), 'user.overlay.metacopy', '');
    symlinkSync('file', scratch.join('dir/link'));
    const request = { xattrs: ['user.overlay.'] };
    for (const name of ['file', 'link', '']) {
      const dir = callSync('openat', AT_FDCWD, scratch.join('dir'), O_PATH, 0);
      const itself = callSync('openat', AT_FDCWD, scratch.join('dir', name), O_PATH | O_NOFOLLOW, 0);
      try {
        const [named, bare] = [
          await run(scanEntry(dir, name, request)),
          await run(scanEntry(itself, '', request)),
        ];
        expect(named.error).toBeUndefined();
        expect(named.stat!.ino).toBe(bare.stat!.ino);
        expect(shownXattrs(named)).toEqual(shownXattrs(bare));
        expect(named.xattrs.size).toBe(name === 'file' ? 1 : 0);
        expect(await run(scanEntry(dir, 'gone', request))).toMatchObject({
          error: { errno: 2, syscall: 'statx' },
          stat: undefined,
        });
      } finally {
        close(dir);
        close(itself);
      }
    }
  });

  test('what is no directory, or no descriptor, fails as the call does', async () => {
    await expect(run(openScan(-1, 'name', 0, { xattrs: [] }))).rejects.toMatchObject({
      code: 'EBADF',
      syscall: 'openat2',
    });
  });
});

describe('on a kernel', () => {
  const addon = `${packageRoot}build/Release/overlayfs.node`;
  /** Scans in a process of its own by the addon alone; `failed` are the errnos and steps, `bytes` all that was given. */
  const scannedWith = (rules: readonly string[], dir: string) => {
    const script = `
      import { createRequire } from 'node:module';
      import { openSync } from 'node:fs';
      const addon = createRequire('/')(${JSON.stringify(addon)});
      const given = addon.functionOf('scan_directorySync')(openSync(${JSON.stringify(dir)}), Buffer.from('\\0'), 32768);
      const one = addon.functionOf('scan_entriesSync')(openSync(${JSON.stringify(`${dir}/file`)}), Buffer.alloc(1), Buffer.from('user.\\0'), 1);
      console.log(JSON.stringify([given.toString('latin1'), one.toString('latin1')]));`;
    return printedJson<[string, string]>(runFaked(rules, script));
  };
  const layer = () => {
    const scratch = scratchDirectory();
    setXattr(scratch.file('dir/file'), 'user.overlay.origin', 'here');
    setXattr(scratch.file('dir/other'), 'user.more', 'there');
    symlinkSync('file', scratch.join('dir/link'));
    return scratch.join('dir');
  };
  test.each(['ENOSYS', 'EPERM'])(
    'whose attribute calls for names answer %s, paths of /proc do the same',
    (errno) => {
      const dir = layer();
      const now = scannedWith([], dir);
      expect(now[0]).toContain('user.overlay.origin\0here');
      expect(now[1]).toContain('user.overlay.origin\0here');
      expect(scannedWith([`listxattrat=${errno}`, `getxattrat=${errno}`], dir)).toEqual(now);
    },
  );
  test.each([
    [['listxattrat=EOPNOTSUPP'], 0],
    [['getxattrat=ENODATA'], 0],
    [['listxattrat=EIO'], 5],
    [['getxattrat=EACCES'], 13],
    [['statx:file=EIO'], 5],
  ])('where %j, an entry has the error %j', (rules, errno) => {
    const [given] = scannedWith(rules, layer());
    const words = new Uint32Array(new Uint8Array(Buffer.from(given, 'latin1')).buffer);
    expect([...words.subarray(0, 2)]).toEqual([1, 3]);
    expect(given).not.toContain('user.overlay.origin\0here');
    const errors = new Set<number>();
    for (let at = 2; at < words.length; at += words[at]! / 4) errors.add(words[at + 1]!);
    expect(errors.has(errno)).toBe(true);
  });
});
