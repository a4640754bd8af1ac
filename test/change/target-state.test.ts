// What apply() does with a target that is not as expected, a part of the changes, and users who may not do everything.
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { apply, resumeApply } from '../../lib/change/apply.ts';
import { planApply } from '../../lib/change/plan-apply.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mount } from '../../lib/mount/mount.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { mountedView } from '../layer/merged-view.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { isPrivileged, privileged } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';
import { comparable } from './comparable.ts';

const options = { redirectDir: 'on', metacopy: true } as const;

async function changed(use: (root: string) => void, more: Partial<MountSpec> = {}) {
  const scratch = scratchDirectory();
  for (const name of ['kept', 'edited', 'gone/a', 'gone/b', 'dir/x', 'dir/y', 'etc/a.conf', 'etc/b.conf'])
    scratch.file(`lower/${name}`, `${name} old`);
  const lower = scratch.join('lower');
  const spec = {
    lower,
    upper: scratch.directory('upper'),
    work: scratch.directory('work'),
    options,
    ...more,
  };
  await using overlay = await mount(spec);
  use(overlay.path);
  return { scratch, spec, lower };
}

const edits = (root: string) => {
  writeFileSync(`${root}/edited`, 'newer content');
  rmSync(`${root}/gone`, { recursive: true });
  renameSync(`${root}/dir`, `${root}/moved`);
  mkdirSync(`${root}/made/deep`, { recursive: true });
  writeFileSync(`${root}/made/deep/file`, 'made');
  writeFileSync(`${root}/etc/a.conf`, 'a new');
  writeFileSync(`${root}/etc/b.conf`, 'b new');
};

const viewOf = (path: string) => comparable(mountedView(path));
const journals = (path: string) => readdirSync(path).filter((name) => name.startsWith('.overlayfs-apply-'));

describe('a plan', () => {
  privileged('is printable, tells everything, and changes nothing', async () => {
    const { spec, lower } = await changed(edits);
    const before = viewOf(lower);
    const plan = await planApply(spec);
    expect(String(plan).split('\n').sort()).toEqual([
      'make made/',
      'make made/deep/',
      'move moved/ from dir',
      'remove gone/',
      'set .',
      'write edited (replaces)',
      'write etc/a.conf (replaces)',
      'write etc/b.conf (replaces)',
      'write made/deep/file',
    ]);
    expect(plan).toMatchObject({ to: lower, conflicts: [], bytes: 'newer contentmadea newb new'.length });
    expect(viewOf(lower)).toEqual(before);
    expect(journals(lower)).toEqual([]);
  });

  privileged('with several lowers wants a target to be named', async () => {
    const { spec, scratch, lower } = await changed(edits);
    const two = { ...spec, lower: [lower, scratch.directory('other')] };
    await expect(planApply(two)).rejects.toMatchObject({ code: 'ERR_OVERLAY_NO_APPLY_TARGET', option: 'to' });
    expect((await planApply(two, { to: lower })).conflicts).toEqual([]);
  });
});

describe('conflicts', () => {
  const disturb: Record<string, [(lower: string) => void, string]> = {
    'a file that was edited': [(lower) => writeFileSync(`${lower}/edited`, 'by another'), 'edited'],
    'a file that was removed': [(lower) => rmSync(`${lower}/etc/a.conf`), 'etc/a.conf'],
    'a name that is taken': [(lower) => writeFileSync(`${lower}/made`, 'by another'), 'made'],
    'something new in a directory that goes': [(lower) => writeFileSync(`${lower}/gone/c`, ''), 'gone'],
    'another mode': [(lower) => chmodSync(`${lower}/edited`, 0o600), 'edited'],
  };
  describe.each(Object.entries(disturb))('%s', (_, [act, place]) => {
    privileged(
      'after the plan: reported, nothing done; with force the view of the overlay wins',
      async () => {
        const { spec, lower, scratch } = await changed(edits);
        run('cp', '-a', lower, scratch.join('good'));
        await apply(spec, { to: scratch.join('good') });
        const plan = await planApply(spec);
        act(lower);
        const disturbed = viewOf(lower);
        const error = await apply(plan).catch((one: unknown) => one);
        expect(error).toMatchObject({ code: 'ERR_OVERLAY_CONFLICT', path: `${lower}/${place}` });
        expect(viewOf(lower)).toEqual(disturbed);
        expect(journals(lower)).toEqual([]);
        await apply(plan, { force: true });
        expect(viewOf(lower)).toEqual(viewOf(scratch.join('good')));
      },
    );
  });

  privileged('before the plan, in another directory: all are told', async () => {
    const { spec, lower, scratch } = await changed(edits);
    const to = scratch.join('to');
    run('cp', '-a', lower, to);
    for (const [act] of Object.values(disturb)) act(to);
    const error = await apply(spec, { to }).catch((one: unknown) => one);
    const paths = (error as { findings: { path: string }[] }).findings.map(({ path }) =>
      path.slice(to.length + 1),
    );
    expect(paths.sort()).toEqual(['edited', 'etc/a.conf', 'gone', 'made']);
  });

  privileged('other names of a file that the overlay kept together (index=on) are told', async () => {
    const scratch = scratchDirectory();
    const lower = scratch.directory('lower');
    scratch.file('lower/one', 'old');
    linkSync(`${lower}/one`, `${lower}/two`);
    const spec = { lower, upper: scratch.directory('upper'), work: scratch.directory('work') };
    {
      await using overlay = await mount({ ...spec, options: { index: true } });
      writeFileSync(`${overlay.path}/one`, 'newer');
      expect(readFileSync(`${overlay.path}/two`, 'utf8')).toBe('newer');
    }
    const { conflicts } = await planApply(spec);
    expect(conflicts.map(({ path }) => path)).toEqual([`${lower}/one`]);
  });

  privileged('another apply holds the lock', async () => {
    const { spec, lower } = await changed(edits);
    let second: unknown;
    const onProgress = () => (second ??= apply(spec).catch((error: unknown) => error));
    await apply(spec, { onProgress });
    expect(await second).toMatchObject({ code: 'ERR_OVERLAY_APPLY_LOCKED', path: lower });
  });
});

describe('patterns', () => {
  privileged('only what they mean, with the directories that it needs', async () => {
    const { spec, lower } = await changed(edits);
    await apply(spec, { paths: ['etc/a*', 'made/**/file'] });
    expect(readFileSync(`${lower}/etc/a.conf`, 'utf8')).toBe('a new');
    expect(readFileSync(`${lower}/etc/b.conf`, 'utf8')).toBe('etc/b.conf old');
    expect(readFileSync(`${lower}/made/deep/file`, 'utf8')).toBe('made');
    expect(existsSync(`${lower}/gone/a`)).toBe(true);
    expect(existsSync(`${lower}/dir/x`)).toBe(true);
  });
  privileged('a renaming takes the old name with it', async () => {
    const { spec, lower } = await changed(edits);
    await apply(spec, { paths: ['moved'] });
    expect(readdirSync(lower).sort()).toEqual(['edited', 'etc', 'gone', 'kept', 'moved']);
    expect(readFileSync(`${lower}/moved/x`, 'utf8')).toBe('dir/x old');
  });
  privileged('part after part comes to the whole', async () => {
    const { spec, lower, scratch } = await changed(edits);
    run('cp', '-a', lower, scratch.join('whole'));
    await apply(spec, { to: scratch.join('whole') });
    for (const path of ['gone', 'etc', 'moved', 'made', 'edited']) await apply(spec, { paths: [path] });
    const names = (path: string) => Object.keys(viewOf(path));
    expect(names(lower)).toEqual(names(scratch.join('whole')));
  });
  test('must be an array of strings', async () => {
    const lower = scratchDirectory().directory('lower');
    const wrong = planApply({ lower }, { paths: 'etc' as unknown as string[] });
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_TYPE', option: 'paths' });
  });
});

/** user::rw-, user:1234, group::r--, mask::rwx, other::r--, as acl(5) has them in an attribute. */
function acl(permissions: number): Buffer {
  const rows = [
    [1, 6],
    [2, permissions, 1234],
    [4, 4],
    [0x10, 7],
    [0x20, 4],
  ];
  const bytes = Buffer.alloc(4 + 8 * rows.length);
  bytes.writeUInt32LE(2);
  for (const [i, [tag, permission, id = 0xffff_ffff]] of rows.entries()) {
    bytes.writeUInt16LE(tag!, 4 + 8 * i);
    bytes.writeUInt16LE(permission!, 6 + 8 * i);
    bytes.writeUInt32LE(id, 8 + 8 * i);
  }
  return bytes;
}

describe('special things', () => {
  privileged('hard links, devices, ACLs, attributes, odd names, holes', async () => {
    const odd = Buffer.concat([Buffer.from('odd\n\\'), Buffer.from([0xff, 0xfe])]);
    const { spec, lower } = await changed((root) => {
      writeFileSync(`${root}/one`, '1');
      linkSync(`${root}/one`, `${root}/etc/two`);
      linkSync(`${root}/kept`, `${root}/kept too`);
      for (const [name, ...type] of [
        ['null', 'c', '1', '3'],
        ['disk', 'b', '300', '70000'],
        ['pipe', 'p'],
      ] as const)
        run('mknod', `${root}/${name}`, ...type);
      writeFileSync(Buffer.concat([Buffer.from(`${root}/`), odd]), 'odd');
      setXattr(`${root}/etc`, 'user.note', 'n');
      setXattr(`${root}/edited`, 'trusted.note', 't');
      setXattr(`${root}/edited`, 'system.posix_acl_access', acl(4));
      setXattr(`${root}/etc`, 'system.posix_acl_default', acl(7));
      chownSync(`${root}/edited`, 12, 34);
      chmodSync(`${root}/edited`, 0o4755);
      utimesSync(`${root}/etc`, 1, -5.25);
      run('truncate', '-s', '1G', `${root}/holes`);
      writeFileSync(`${root}/holes`, 'x', { flag: 'r+' });
    });
    let mounted: ReturnType<typeof viewOf>;
    rmSync(`${spec.upper}/holes`);
    run('truncate', '-s', '64M', `${spec.upper}/holes`);
    {
      await using overlay = await mount(spec);
      mounted = viewOf(overlay.path);
    }
    await apply(spec);
    expect(viewOf(lower)).toEqual(mounted);
    const inode = (name: string) => lstatSync(`${lower}/${name}`).ino;
    expect(inode('one')).toBe(inode('etc/two'));
    expect(inode('kept')).toBe(inode('kept too'));
    expect(statSync(`${lower}/holes`).blocks).toBeLessThan(100);
  });

  privileged('a file with other attributes alone keeps its inode and blocks', async () => {
    const { spec, lower } = await changed((root) => chmodSync(`${root}/kept`, 0o600));
    const { ino } = statSync(`${lower}/kept`);
    await apply(spec);
    expect(statSync(`${lower}/kept`)).toMatchObject({ ino, mode: 0o100600 });
  });
});

describe('no room', () => {
  privileged('while things are made ready: the target is as it was', async () => {
    const { spec, lower } = await changed((root) => {
      edits(root);
      writeFileSync(`${root}/large`, Buffer.alloc(4 * 2 ** 20, 1));
    });
    for (const limits of [{ size: '1m' }, { inodes: 20 }]) {
      const { path } = tmpfsMount(limits);
      run('cp', '-a', `${lower}/.`, path);
      const before = viewOf(path);
      await expect(apply(spec, { to: path })).rejects.toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE' });
      expect(viewOf(path)).toEqual(before);
      expect(journals(path)).toEqual([]);
    }
  });

  privileged('half-way something is in the way: told, and finished later', async () => {
    const { spec, lower, scratch } = await changed(edits);
    run('cp', '-a', lower, scratch.join('good'));
    await apply(spec, { to: scratch.join('good') });
    const onProgress = ({ done, total }: { done: number; total: number }) => {
      if (done === total - 3 && existsSync(`${lower}/etc`)) renameSync(`${lower}/etc`, scratch.join('aside'));
    };
    const error = await apply(spec, { onProgress }).catch((one: unknown) => one);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_APPLY_UNFINISHED' });
    await expect(resumeApply(lower)).rejects.toMatchObject({ code: 'ERR_OVERLAY_APPLY_UNFINISHED' });
    renameSync(scratch.join('aside'), `${lower}/etc`);
    expect(await resumeApply(lower)).toBe(true);
    expect(viewOf(lower)).toEqual(viewOf(scratch.join('good')));
  });
});

privileged('another target keeps the attributes of directories in which something came or went', async () => {
  const { scratch, spec } = await changed((root) => writeFileSync(`${root}/etc/new`, 'new'));
  for (const name of ['etc/a.conf', 'etc/b.conf']) scratch.file(`other/${name}`, `${name} old`);
  const other = scratch.join('other');
  for (const dir of [other, `${other}/etc`]) {
    chownSync(dir, 5, 6);
    chmodSync(dir, 0o2751);
  }
  await apply(spec, { to: other });
  expect(readdirSync(`${other}/etc`).sort()).toEqual(['a.conf', 'b.conf', 'new']);
  for (const dir of [other, `${other}/etc`]) {
    const { uid, gid, mode } = statSync(dir);
    expect([uid, gid, mode & 0o7777]).toEqual([5, 6, 0o2751]);
  }
});

test('an ordinary user applies what is theirs, and is told what is not before anything is done', () => {
  const script = `
    import { apply, planApply } from 'overlayfs';
    import * as fs from 'node:fs';
    const root = fs.mkdtempSync('/tmp/overlayfs-test-');
    try {
      for (const dir of ['lower/dir', 'lower/closed', 'upper/dir', 'upper/closed', 'upper/made'])
        fs.mkdirSync(root + '/' + dir, { recursive: true });
      fs.writeFileSync(root + '/lower/dir/f', 'old');
      fs.writeFileSync(root + '/upper/dir/f', 'newer');
      fs.writeFileSync(root + '/upper/closed/f', 'x');
      fs.chmodSync(root + '/lower/closed', 0o555);
      fs.chmodSync(root + '/upper/closed', 0o555);
      fs.chmodSync(root + '/upper/made', 0o500);
      const spec = { lower: root + '/lower', upper: root + '/upper' };
      const { obstacles, conflicts } = await planApply(spec);
      const told = [String(await planApply(spec)).split('\\n').at(-1).replace(root, ''), obstacles[0].code, conflicts.length];
      const forced = await apply(spec, { force: true }).catch(({ code }) => code);
      const refused = await apply(spec).catch(({ code, path }) => ({ code, path: path.slice(root.length) }));
      const before = fs.readdirSync(root + '/lower').sort();
      await apply(spec, { paths: ['dir', 'made'] });
      console.log(JSON.stringify({
        told, forced, refused, before, content: fs.readFileSync(root + '/lower/dir/f', 'utf8'),
        mode: fs.statSync(root + '/lower/made').mode & 0o777,
      }));
    } finally {
      for (const dir of ['lower', 'upper']) fs.chmodSync(root + '/' + dir + '/closed', 0o755);
      fs.rmSync(root, { recursive: true });
    }
  `;
  expect(printedJson(asNobody(script))).toEqual({
    told: [
      'IMPOSSIBLE /lower/closed is a directory that this user may not write in',
      'ERR_OVERLAY_NO_ACCESS',
      0,
    ],
    forced: 'ERR_OVERLAY_NO_ACCESS',
    refused: { code: 'ERR_OVERLAY_NO_ACCESS', path: '/lower/closed' },
    before: ['closed', 'dir'],
    content: 'newer',
    mode: 0o500,
  });
});

test('what was changed over a directory of another user that all may write to is applied there', () => {
  if (!isPrivileged()) missing('only root has directories of another user');
  needUserNamespaces();
  const place = scratchDirectory();
  place.directory('lower');
  chmodSync(place.join('lower'), 0o777);
  const before = statSync(place.join('lower'));
  const script = `
    import { writeFileSync } from 'node:fs';
    import { apply, planApply, scratch } from 'overlayfs';
    const view = await scratch(process.argv[1]);
    writeFileSync(view.path + '/new', '');
    const { conflicts, obstacles } = await planApply(view.changes());
    await apply(view.changes());
    await view.unmount();
    console.log(JSON.stringify([conflicts, obstacles]));`;
  expect(printedJson(asNobody(script, { args: [place.join('lower')] }))).toEqual([[], []]);
  expect(readdirSync(place.join('lower'))).toEqual(['new']);
  const { uid, mode } = statSync(place.join('lower'));
  expect([uid, mode]).toEqual([before.uid, before.mode]);
});
