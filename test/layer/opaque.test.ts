// Opaque directories: made and seen, with the kernel as the judge.
import { chmodSync, readdirSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { OverlayError } from '../../lib/format/overlay-error.ts';
import { isOpaque, isOpaqueSync, makeOpaque, makeOpaqueSync } from '../../lib/layer/opaque.ts';
import { whiteoutSync } from '../../lib/layer/whiteout.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { setXattr, xattrsOf } from '../support/xattr.ts';

const forms = [
  [
    'Sync',
    {
      make: async (dir: string, options?: { userxattr: boolean }) => makeOpaqueSync(dir, options),
      ask: async (dir: string, options?: { userxattr: boolean }) => isOpaqueSync(dir, options),
    },
  ],
  ['promise', { make: makeOpaque, ask: isOpaque }],
] as const;

function listed(scratch: Scratch, options: string): string[] {
  const point = scratch.directory('mnt');
  run('mount', '-t', 'overlay', 'test', '-o', options, point);
  try {
    return readdirSync(`${point}/d`).sort();
  } finally {
    run('umount', point);
  }
}

describe.each(forms)('%s', (_, { make, ask }) => {
  privileged('what is below does not show, and whiteouts in it go, in a lower as in an upper', async () => {
    const scratch = scratchDirectory();
    for (const name of ['a', 'b', 'c']) scratch.file(`base/d/${name}`);
    const [top, low] = [scratch.join('top'), scratch.join('base')];
    scratch.file('top/d/own');
    whiteoutSync(`${top}/d/a`);
    whiteoutSync(`${top}/d/b`, { form: 'xattr' });
    const work = scratch.directory('work');
    const asLower = `lowerdir=${top}:${low}`;
    const asUpper = `lowerdir=${low},upperdir=${top},workdir=${work}`;
    expect(listed(scratch, asLower)).toEqual(['c', 'own']);
    expect(await ask(`${top}/d`)).toBe(false);
    const before = openDescriptors();
    await make(`${top}/d`);
    expect(openDescriptors()).toEqual(before);
    expect(await ask(`${top}/d`)).toBe(true);
    expect(await ask(`${top}/d`, { userxattr: true })).toBe(false);
    expect(listed(scratch, asLower)).toEqual(['own']);
    expect(listed(scratch, asUpper)).toEqual(['own']);
    await make(`${top}/d`);
    expect(await ask(`${top}/d`)).toBe(true);
  });

  privileged('any value but y is none, as for the kernel', async () => {
    const scratch = scratchDirectory();
    scratch.file('base/d/a');
    const dir = scratch.directory('top/d');
    for (const value of ['x', 'Y', 'yes', '']) {
      setXattr(dir, 'trusted.overlay.opaque', value);
      expect(await ask(dir), value).toBe(false);
      expect(listed(scratch, `lowerdir=${scratch.join('top')}:${scratch.join('base')}`)).toEqual(['a']);
    }
  });

  test('in attributes that every user may set', async () => {
    const scratch = scratchDirectory();
    const dir = scratch.directory('d');
    await make(dir, { userxattr: true });
    expect(await ask(dir, { userxattr: true })).toBe(true);
    expect(xattrsOf(dir)).toMatchObject({ 'user.overlay.opaque': 'y' });
  });

  test('what is no directory, or not there, is said', async () => {
    const scratch = scratchDirectory();
    scratch.file('file');
    scratch.directory('dir');
    symlinkSync('dir', scratch.join('link'));
    const cases = [
      ['file', 'ERR_OVERLAY_NOT_DIRECTORY'],
      ['link', 'ERR_OVERLAY_NOT_DIRECTORY'],
      ['gone', 'ERR_OVERLAY_NOT_FOUND'],
    ] as const;
    for (const [name, code] of cases) {
      const path = scratch.join(name);
      await expect(make(path), name).rejects.toMatchObject({ name: 'OverlayError', code, path });
      await expect(ask(path), name).rejects.toMatchObject({ name: 'OverlayError', code, path });
    }
    await expect(make(scratch.path, { force: true } as never)).rejects.toBeInstanceOf(OverlayError);
    expect(xattrsOf(scratch.join('dir'))).toEqual({});
  });
});

privileged('an immutable directory, and a filesystem without attributes, are named', () => {
  const scratch = scratchDirectory();
  const dir = `${tmpfsMount({ scratch }).path}`;
  run('chattr', '+i', dir);
  try {
    expect(() => makeOpaqueSync(dir)).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_IMMUTABLE' }));
  } finally {
    run('chattr', '-i', dir);
  }
  const { path } = tmpfsMount({ scratch, type: 'ramfs' });
  const without = expect.objectContaining({ code: 'ERR_OVERLAY_NO_ATTRIBUTES' });
  expect(() => makeOpaqueSync(path, { userxattr: true })).toThrow(without);
  expect(isOpaqueSync(path)).toBe(false);
});

test('a user namespace makes and mounts one', () => {
  const scratch = scratchDirectory();
  chmodSync(scratch.path, 0o777);
  const script = `
    import { readdirSync, mkdirSync, writeFileSync } from 'node:fs';
    import { mountSync } from 'overlayfs';
    import { makeOpaqueSync, isOpaqueSync } from 'overlayfs/layer';
    const root = ${JSON.stringify(scratch.join('own'))};
    for (const name of ['base/d', 'top/d', 'm']) mkdirSync(root + '/' + name, { recursive: true });
    writeFileSync(root + '/base/d/a', 'below');
    makeOpaqueSync(root + '/top/d');
    const overlay = mountSync({ lower: [root + '/top', root + '/base'], target: root + '/m', options: { userxattr: true } });
    const seen = readdirSync(root + '/m/d');
    overlay.unmountSync();
    console.log(JSON.stringify([isOpaqueSync(root + '/top/d'), seen]));`;
  const under = ['unshare', '--user', '--map-root-user', '--mount'];
  expect(printedJson(asNobody(script, { under }))).toEqual([true, []]);
});
