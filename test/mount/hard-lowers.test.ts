// Throw-away overlays of lowers that are hard to have: closed in parts, of others, on FUSE, overlays themselves; and full ones.
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { explainError } from '../../lib/mount/explain-error.ts';
import { mount } from '../../lib/mount/mount.ts';
import { scratch } from '../../lib/mount/scratch.ts';
import { run } from '../../lib/run/run.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { bindfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { isPrivileged, privileged } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf } from './forms.ts';

const kinds = isPrivileged() ? [false, true] : [true];

interface Told {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** As nobody, over a lower of whoever runs the tests: what each attempt was told, by its name. */
function asStranger(lower: string, attempts: string): Record<string, Told | string> {
  const script = `
    import * as fs from 'node:fs';
    import { tmpdir } from 'node:os';
    import { explainError, scratch } from 'overlayfs';
    const base = fs.mkdtempSync(tmpdir() + '/overlayfs-test-');
    const told = {};
    const say = ({ code, message, hint }) => ({ code, message, hint });
    const fork = await scratch(${JSON.stringify(lower)});
    const at = (name) => fork.path + '/' + name;
    const meets = async (name, attempt) => {
      try { told[name] = 'done: ' + (await attempt()); }
      catch (error) { told[name] = say(await explainError(error, fork)); }
    };
    try { ${attempts} } finally { await fork.unmount(); fs.rmSync(base, { recursive: true, force: true }); }
    console.log(JSON.stringify(told));`;
  return printedJson(asNobody(script));
}

describe('files of others, to an ordinary user', () => {
  privileged('each thing that he may not do is told with its reason, and what he may do goes', () => {
    needUserNamespaces();
    const place = scratchDirectory();
    const lower = place.directory('lower');
    mkdirSync(`${lower}/secret`, { mode: 0o700 });
    writeFileSync(`${lower}/secret/file`, '');
    writeFileSync(`${lower}/readable`, 'text');
    writeFileSync(`${lower}/closed`, '', { mode: 0o600 });
    writeFileSync(`${lower}/writable`, 'text');
    chmodSync(`${lower}/writable`, 0o666);
    mkdirSync(`${lower}/theirs`);
    chmodSync(lower, 0o777);
    const told = asStranger(
      lower,
      `
      await meets('list', () => fs.readdirSync(at('secret')));
      await meets('read', () => fs.readFileSync(at('closed')));
      await meets('write', () => fs.writeFileSync(at('writable'), 'x'));
      await meets('mode', () => fs.chmodSync(at('writable'), 0o600));
      await meets('add', () => fs.writeFileSync(at('theirs/new'), ''));
      await meets('replace', () => { fs.rmSync(at('writable')); fs.writeFileSync(at('writable'), 'mine'); return fs.readFileSync(at('writable')); });
      await meets('changes', async () => (await fork.changes()).map(({ kind, path }) => kind + ' ' + path));
      await meets('keep', () => fork.keep(base + '/kept', { owners: 'mine' }));
      await meets('upper', async () => { await fork.keep(base + '/upper', { as: 'upper' }); return fs.readdirSync(base); });
      await meets('rename', () => fs.renameSync(at('theirs'), at('mine')));`,
    );
    expect(told).toMatchObject({
      list: { code: 'ERR_OVERLAY_NOT_PERMITTED' },
      read: { code: 'ERR_OVERLAY_NOT_PERMITTED' },
      write: { code: 'ERR_OVERLAY_UNMAPPED_OWNER' },
      mode: { code: 'ERR_OVERLAY_NOT_PERMITTED' },
      add: { code: 'ERR_OVERLAY_NOT_PERMITTED' },
      replace: 'done: mine',
      keep: { code: 'ERR_OVERLAY_NO_ACCESS' },
      upper: 'done: upper',
      rename: { code: 'ERR_OVERLAY_REDIRECT_OFF' },
    });
    expect(told.changes).toMatch(/^done: .*modified writable/);
    const text = (name: string) => `${(told[name] as Told).message} ${(told[name] as Told).hint}`;
    expect(text('list')).toMatch(/secret" belongs to user 0 and group 0 with mode 0700/);
    expect(text('write')).toMatch(/writable" belongs in lower 0 .* to user 0 .*rootless: 'ranges'/);
    expect(text('add')).toMatch(/the directory of ".*new" belongs to user 0 .* mode 0755/);
    expect(text('rename')).not.toContain('redirectDir');
    expect(readFileSync(`${lower}/writable`, 'utf8')).toBe('text');
  });
});

describe.each(kinds)('rootless: %s', (rootless) => {
  test.each([
    ['bytes', { size: 65536 }],
    ['inodes', { inodes: 16 }],
  ])('memory without free %s is told of, and what to do', async (_, limits) => {
    needUserNamespaces();
    const { lower } = scratchDirectory().layers({ upper: false, work: false });
    const fork = await scratch(lower, { rootless, ...limits });
    const fill = () => {
      for (let i = 0; i < 30; i++) writeFileSync(`${fork.path}/${i}`, Buffer.alloc(8192));
    };
    let error: unknown;
    try {
      fill();
    } catch (caught) {
      error = caught;
    }
    expect(error).toMatchObject({ code: 'ENOSPC' });
    const explained = await explainError(error, fork);
    expect(explained).toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE', cause: error });
    expect(explained.message).toContain('the memory for the changes');
    expect(explained.hint).toMatch(/size or more inodes, or upperOn/);
    // It is as usable as before, and a reset frees all of it.
    await fork.reset();
    writeFileSync(`${fork.path}/again`, 'again');
    await fork.unmount();
  });

  test('over an overlay it goes, over one that lies on another it is told that it is too deep', async () => {
    needUserNamespaces();
    const { lower } = scratchDirectory().layers({ upper: false, work: false });
    const before = openDescriptors().length;
    const first = await scratch(lower, { rootless });
    writeFileSync(`${first.path}/first`, '');
    const second = await scratch(first, { rootless });
    expect(readdirSync(second.path)).toContain('first');
    const error = await errorOf(() => scratch(second, { rootless }));
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_TOO_DEEP', option: 'lower', index: 0 });
    for (const one of [second, first]) await one.unmount();
    expect(openDescriptors().length).toBeLessThanOrEqual(before + 1);
  });

  test('a lower on FUSE is a lower like others, and FUSE is no place for changes', async () => {
    needUserNamespaces();
    const place = scratchDirectory();
    place.file('real/dir/file', 'text');
    const fuse = bindfsMount(place.join('real'), { options: 'allow_other', scratch: place });
    const fork = await scratch(fuse.path, { rootless });
    writeFileSync(`${fork.path}/dir/file`, 'changed');
    expect((await fork.changes({ ignoreUnchanged: true })).map(({ path }) => path)).toContain('dir/file');
    await fork.keep(place.join('kept'));
    expect(readFileSync(place.join('kept/dir/file'), 'utf8')).toBe('changed');
    await fork.unmount();
    expect(readFileSync(place.join('real/dir/file'), 'utf8')).toBe('text');
    const upperOn = fuse.path;
    const error = await errorOf(() => scratch(place.directory('lower'), { rootless, upperOn }));
    expect(error.code).toBe('ERR_OVERLAY_UPPER_UNFIT');
    expect(readdirSync(place.join('real'))).toEqual(['dir']);
  });
});

test('as an ordinary user: an overlay over overlays is told of as too deep, too', () => {
  needUserNamespaces();
  const script = `
    import { scratch } from 'overlayfs';
    const first = await scratch('/usr/share');
    const second = await scratch(first);
    const { code, index } = await scratch([second, '/usr/lib']).catch((error) => error);
    console.log(JSON.stringify({ code, index }));
    for (const one of [second, first]) await one.unmount();`;
  expect(printedJson(asNobody(script))).toEqual({ code: 'ERR_OVERLAY_TOO_DEEP', index: 0 });
});

test('FUSE that is for another user alone is told of as such, by scratch and run, and by explain', () => {
  if (!isPrivileged()) missing('only root can mount FUSE as another user');
  needUserNamespaces();
  const place = scratchDirectory();
  place.file('real/file', 'text');
  const fuse = bindfsMount(place.join('real'), { options: 'no-allow-other', scratch: place });
  const script = `
    import { explain, run, scratch } from 'overlayfs';
    const lower = process.argv[1];
    const told = async (attempt) => await attempt().then(() => 'done', ({ code, option, hint }) => [code, option, hint.includes('allow_other')]);
    const found = await explain({ lower: [lower, '/usr'], rootless: true });
    console.log(JSON.stringify([
      await told(() => scratch(lower)),
      await told(() => run('true', [], { at: lower })),
      found.map(({ code }) => code),
    ]));`;
  expect(printedJson(asNobody(script, { args: [fuse.path] }))).toEqual([
    ['ERR_OVERLAY_NO_ACCESS', 'lower', true],
    ['ERR_OVERLAY_NO_ACCESS', expect.stringMatching(/^(at|lower)$/), true],
    ['ERR_OVERLAY_NO_ACCESS'],
  ]);
});

describe.each(kinds)('run, rootless: %s', (rootless) => {
  test('over FUSE and over an overlay it goes, too deep or over /proc it is told, and so is that memory has run out', async () => {
    needUserNamespaces();
    const place = scratchDirectory();
    const before = openDescriptors().length;
    const text = async (at: string, script: string, options: object = {}) => {
      const command = await run('sh', ['-c', script], { at, cwd: at, rootless, stdio: 'ignore', ...options });
      return { command, ...(await command.finished) };
    };
    place.file('real/dir/file', 'text');
    const fuse = bindfsMount(place.join('real'), { options: 'allow_other', scratch: place });
    const changed = await text(fuse.path, 'echo changed >dir/file; rm -r dir; echo new >new');
    expect((await changed.command.changes()).map(({ kind, path }) => `${kind} ${path}`).sort()).toEqual([
      'added new',
      'deleted dir',
    ]);
    await changed.command.apply();
    expect(readdirSync(place.join('real'))).toEqual(['new']);

    const [layers, deeper] = [scratchDirectory().layers(), scratchDirectory().layers()];
    const first = await mount(layers);
    const over = await text(layers.target, 'echo more >more');
    expect((await over.command.changes()).map(({ path }) => path)).toEqual(['more']);
    await over.command.discard();
    const second = await mount({ ...deeper, lower: layers.target });
    const tooDeep = await errorOf(() => run('true', [], { at: deeper.target, rootless }));
    expect(tooDeep).toMatchObject({ code: 'ERR_OVERLAY_TOO_DEEP', option: 'lower' });
    for (const overlay of [second, first]) await overlay.unmount();
    const onProc = await errorOf(() => run('true', [], { at: '/proc', rootless }));
    expect(onProc.code).toBe('ERR_OVERLAY_PROC_LAYER');

    const full = await text(place.join('real'), 'head -c 200000 /dev/zero >big', { size: 65536 });
    expect([full.exitCode, await full.command.isFull()]).toEqual([1, true]);
    await full.command.discard();
    expect(openDescriptors().length).toBeLessThanOrEqual(before + 1);
  });
});
