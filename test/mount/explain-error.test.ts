// Each error is made by node:fs on the running kernel, inside an overlay, and explained.
import { spawn } from 'node:child_process';
import * as fs from 'node:fs';
import { afterEach, describe, expect, onTestFinished, test } from 'vitest';
import { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { call } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { explainError, explainErrorSync } from '../../lib/mount/explain-error.ts';
import { listSync } from '../../lib/mount/list.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { run } from '../support/command.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { skip } from '../support/requirement.ts';
import { type LayerDirectories, scratchDirectory } from '../support/scratch.ts';

function thrownBy(attempt: () => unknown): NodeJS.ErrnoException {
  try {
    attempt();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('the attempt succeeded');
}

// Free space changes while others run.
const lasting = ({ findings }: OverlayError) =>
  JSON.stringify(findings).replace(/\d+ bytes and \d+ inodes/g, '');

/** Explains in both forms, and by the overlay, its entry of the list and the path: all must agree. */
async function explained(attempt: () => unknown, overlay: Overlay): Promise<OverlayError> {
  const thrown = thrownBy(attempt);
  const error = await explainError(thrown, overlay);
  expect(error).toBeInstanceOf(OverlayError);
  expect(error).toMatchObject({ cause: thrown, errno: thrown.errno, syscall: thrown.syscall });
  const entry = listSync().find(({ target }) => target === overlay.path);
  const others = [explainErrorSync(thrown, overlay), explainErrorSync(thrown, overlay.path)];
  if (entry !== undefined) others.push(explainErrorSync(thrown, entry));
  for (const other of others) expect(lasting(other)).toEqual(lasting(error));
  return error;
}

const open: Overlay[] = [];
afterEach(() => {
  for (const overlay of open.splice(0)) overlay.unmountSync({ lazy: true });
});

function stack(spec: Partial<MountSpec> = {}, lower = 1): LayerDirectories & { overlay: Overlay; m: string } {
  const layers = scratchDirectory().layers({ lower });
  return mounted({ ...layers, ...spec }, layers);
}

function mounted(spec: MountSpec, layers: LayerDirectories) {
  const overlay = mountSync(spec);
  open.push(overlay);
  return { ...layers, overlay, m: overlay.path };
}

function end(overlay: Overlay): void {
  open.splice(open.indexOf(overlay), 1);
  overlay.unmountSync();
}

describePrivileged('explainError', () => {
  test('EXDEV: a directory of a lower is renamed without redirect_dir', async () => {
    const { overlay, m } = stack({ options: { redirectDir: 'off' } });
    const error = await explained(() => fs.renameSync(`${m}/dir`, `${m}/moved`), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_REDIRECT_OFF', path: `${m}/dir` });
    expect(error.hint).toContain("redirectDir: 'on'");
    const follows = stack({ options: { redirectDir: 'on' } });
    fs.renameSync(`${follows.m}/dir`, `${follows.m}/moved`);
  });

  test('EXDEV: out of the overlay', async () => {
    const { overlay, m, upper } = stack();
    const outside = tmpfsMount().path;
    const error = await explained(() => fs.renameSync(`${m}/shared`, `${outside}/x`), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_ACROSS_MOUNTS', path: `${m}/shared` });
    expect(fs.readdirSync(upper)).toEqual([]);
  });

  test('EXDEV: a path longer than redirect_max', async () => {
    const { lower, upper, work, target } = scratchDirectory().layers();
    const deep = `${'d'.repeat(200)}/${'e'.repeat(100)}`;
    fs.mkdirSync(`${lower[0]}/${deep}`, { recursive: true });
    fs.mkdirSync(`${lower[0]}/other`);
    const layers = { lower, upper, work, target };
    const { overlay, m } = mounted({ ...layers, options: { redirectDir: 'on' } }, layers);
    const error = await explained(() => fs.renameSync(`${m}/${deep}`, `${m}/other/x`), overlay);
    expect(error.code).toBe('ERR_OVERLAY_REDIRECT_TOO_LONG');
  });

  test('EXDEV: work on another btrfs subvolume', async () => {
    const { path } = loopFilesystem('btrfs');
    for (const name of ['u', 'w']) run('btrfs', 'subvolume', 'create', `${path}/${name}`);
    const { overlay, m } = stack({ upper: `${path}/u`, work: `${path}/w` });
    const error = await explained(() => fs.appendFileSync(`${m}/shared`, 'x'), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_WORK_ON_OTHER_SUBVOLUME', option: 'work' });
  });

  test('EXDEV: the upper takes only files of its own project', async () => {
    const { path } = loopFilesystem('xfs');
    for (const name of ['u', 'w']) fs.mkdirSync(`${path}/${name}`);
    run('chattr', '-p', '5', '+P', `${path}/u`);
    const { overlay, m } = stack({ upper: `${path}/u`, work: `${path}/w` });
    const error = await explained(() => fs.appendFileSync(`${m}/shared`, 'x'), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_WORK_IN_OTHER_PROJECT', option: 'work' });
  });

  test('EDQUOT: a quota on the subvolume of the upper', async () => {
    const { path } = loopFilesystem('btrfs');
    run('btrfs', 'subvolume', 'create', `${path}/s`);
    for (const name of ['u', 'w']) fs.mkdirSync(`${path}/s/${name}`);
    run('btrfs', 'quota', 'enable', path);
    run('btrfs', 'qgroup', 'limit', '1M', `${path}/s`);
    const { overlay, m } = stack({ upper: `${path}/s/u`, work: `${path}/s/w` });
    const filling = () => fs.writeFileSync(`${m}/new`, Buffer.alloc(1 << 22, 'x'));
    const error = await explained(filling, overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_QUOTA', option: 'upper' });
  });

  test('a redirect in a lower layer is followed to the data below it', async () => {
    const layers = scratchDirectory().layers();
    const first = mounted({ ...layers, options: { redirectDir: 'on', metacopy: true } }, layers);
    fs.renameSync(`${first.m}/dir`, `${first.m}/moved`);
    fs.chmodSync(`${first.m}/moved/lower0`, 0o600);
    end(first.overlay);
    const next = scratchDirectory().layers();
    const spec = { ...next, lower: [layers.upper, layers.lower[0]!], options: { metacopy: true } };
    const { overlay, m } = mounted(spec, next);
    expect(fs.readFileSync(`${m}/moved/lower0`, 'utf8')).toBe('lower0');
    // The data is there, where the redirect leads: nothing may be said to be gone.
    const other = Object.assign(new Error('EIO'), { errno: -5, syscall: 'read', path: `${m}/moved/lower0` });
    expect((await explainError(other, overlay)).code).toBe('ERR_OVERLAY_UNEXPLAINED');
    end(overlay);
    fs.rmSync(`${layers.lower[0]}/dir/lower0`);
    const again = mounted(spec, next);
    const error = await explained(() => fs.readFileSync(`${again.m}/moved/lower0`), again.overlay);
    expect(error.code).toBe('ERR_OVERLAY_METACOPY_DATA_GONE');
  });

  test('EXDEV: a directory whose name is no UTF-8', async () => {
    const layers = scratchDirectory().layers();
    const name = Buffer.concat([Buffer.from('/d\n'), Buffer.from([0xff])]);
    fs.mkdirSync(Buffer.concat([Buffer.from(layers.lower[0]!), name]));
    const { overlay, m } = mounted({ ...layers, options: { redirectDir: 'off' } }, layers);
    const from = Buffer.concat([Buffer.from(m), name]);
    const error = await explained(() => fs.renameSync(from, `${m}/moved`), overlay);
    expect(error.code).toBe('ERR_OVERLAY_REDIRECT_OFF');
  });

  test('EIO: a directory of the upper was copied by cp -a', async () => {
    const layers = scratchDirectory().layers();
    const options = { nfsExport: true, redirectDir: 'on' } as const;
    const first = mounted({ ...layers, options }, layers);
    fs.renameSync(`${first.m}/dir`, `${first.m}/moved`);
    end(first.overlay);
    run('cp', '-a', `${layers.upper}/moved`, `${layers.upper}/copy`);
    const { overlay, m } = mounted({ ...layers, options }, layers);
    expect(fs.readdirSync(`${m}/moved`)).toEqual(['lower0']);
    for (const attempt of [() => fs.readdirSync(`${m}/copy`), () => fs.writeFileSync(`${m}/copy/new`, '')]) {
      expect((await explained(attempt, overlay)).code).toBe('ERR_OVERLAY_DIRECTORY_COPIED');
    }
  });

  test('ENXIO: a whiteout of the raw upper', async () => {
    const { overlay, m, upper } = stack();
    fs.rmSync(`${m}/shared`);
    const copy = () => fs.copyFileSync(`${upper}/shared`, `${upper}/copy`);
    for (const attempt of [() => fs.readFileSync(`${upper}/shared`), copy]) {
      const error = await explained(attempt, overlay);
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_WHITEOUT_OPENED', path: `${upper}/shared` });
    }
    expect(explainErrorSync(thrownBy(copy), upper).code).toBe('ERR_OVERLAY_WHITEOUT_OPENED');
  });

  describe('a metacopy', () => {
    const noted = () => {
      const layers = scratchDirectory().layers();
      const first = mounted({ ...layers, options: { metacopy: true } }, layers);
      fs.chmodSync(`${first.m}/shared`, 0o600);
      end(first.overlay);
      return layers;
    };
    test('EPERM: mounted without metacopy', async () => {
      const layers = noted();
      const { overlay, m } = mounted({ ...layers, options: { redirectDir: 'off' } }, layers);
      const error = await explained(() => fs.readFileSync(`${m}/shared`), overlay);
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_METACOPY_OFF', path: `${m}/shared` });
    });
    test('EIO: the data is gone', async () => {
      const layers = noted();
      fs.rmSync(`${layers.lower[0]}/shared`);
      const { overlay, m } = mounted({ ...layers, options: { metacopy: true } }, layers);
      for (const attempt of [() => fs.readFileSync(`${m}/shared`), () => fs.statSync(`${m}/shared`)]) {
        expect((await explained(attempt, overlay)).code).toBe('ERR_OVERLAY_METACOPY_DATA_GONE');
      }
    });
    test('EIO: no digest, and verity=require', async () => {
      const layers = noted();
      let live: ReturnType<typeof mounted>;
      try {
        live = mounted({ ...layers, options: { metacopy: true, verity: 'require' } }, layers);
      } catch {
        return skip('this kernel takes no verity=require');
      }
      const error = await explained(() => fs.readFileSync(`${live.m}/shared`), live.overlay);
      expect(error.code).toBe('ERR_OVERLAY_METACOPY_NO_DIGEST');
    });
  });

  test('EPERM: a renamed directory, and redirect_dir=nofollow', async () => {
    const layers = scratchDirectory().layers();
    const first = mounted({ ...layers, options: { redirectDir: 'on' } }, layers);
    fs.renameSync(`${first.m}/dir`, `${first.m}/moved`);
    end(first.overlay);
    const { overlay, m } = mounted({ ...layers, options: { redirectDir: 'nofollow' } }, layers);
    const error = await explained(() => fs.readdirSync(`${m}/moved`), overlay);
    expect(error.code).toBe('ERR_OVERLAY_REDIRECT_NOT_FOLLOWED');
  });

  describe('EROFS', () => {
    test('a view', async () => {
      const { lower, target } = scratchDirectory().layers({ lower: 2 });
      const overlay = mountSync({ lower, target });
      open.push(overlay);
      const error = await explained(() => fs.writeFileSync(`${target}/new`, ''), overlay);
      expect(error.code).toBe('ERR_OVERLAY_READ_ONLY_VIEW');
    });
    test('the attribute, from the start or by a remount', async () => {
      const { overlay, m } = stack();
      run('mount', '-o', 'remount,bind,ro', m);
      const error = await explained(() => fs.writeFileSync(`${m}/new`, ''), overlay);
      expect(error.code).toBe('ERR_OVERLAY_READ_ONLY_MOUNT');
      const detached = stack({ target: undefined as never, attributes: { readOnly: true } });
      const other = await explained(() => fs.writeFileSync(`${detached.m}/new`, ''), detached.overlay);
      expect(other.code).toBe('ERR_OVERLAY_READ_ONLY_MOUNT');
    });
    test('the filesystem as a whole', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers();
      const text = `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`;
      run('mount', '-i', '-t', 'overlay', '-o', `ro,${text}`, 'overlay', target);
      run('mount', '-o', 'remount,bind,rw', target);
      const error = explainErrorSync(
        thrownBy(() => fs.writeFileSync(`${target}/new`, '')),
        target,
      );
      expect(error.code).toBe('ERR_OVERLAY_READ_ONLY');
    });
    test("the upper's filesystem", async () => {
      const { path } = tmpfsMount();
      for (const name of ['u', 'w']) fs.mkdirSync(`${path}/${name}`);
      const { overlay, m } = stack({ upper: `${path}/u`, work: `${path}/w` });
      run('mount', '-o', 'remount,ro', path);
      const error = await explained(() => fs.writeFileSync(`${m}/new`, ''), overlay);
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_UPPER_READ_ONLY', option: 'upper' });
      run('mount', '-o', 'remount,rw', path);
    });
  });

  describe('ENOSPC', () => {
    const small = (inodes?: number) => {
      const { path } = tmpfsMount({ size: '256k', ...(inodes && { inodes }) });
      for (const name of ['u', 'w']) fs.mkdirSync(`${path}/${name}`);
      const layers = { ...scratchDirectory().layers(), upper: `${path}/u`, work: `${path}/w` };
      fs.writeFileSync(`${layers.lower[0]}/big`, Buffer.alloc(1 << 20, 1));
      return mounted(layers, layers);
    };
    test('the upper is full', async () => {
      const { overlay, m } = small();
      const write = () => fs.writeFileSync(`${m}/new`, Buffer.alloc(1 << 20, 1));
      const error = await explained(write, overlay);
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE', option: 'upper' });
      expect(error.message).toContain('0 KiB');
    });
    test('a copy-up that does not fit', async () => {
      const { overlay, m } = small();
      const error = await explained(() => fs.appendFileSync(`${m}/big`, 'x'), overlay);
      expect(error.code).toBe('ERR_OVERLAY_NO_SPACE');
      expect(error.message).toMatch(/copies all of it up \(1 MiB\)/);
    });
    test('no inode is left', async () => {
      const { overlay, m } = small(12);
      const fill = () => {
        for (let i = 0; i < 20; i++) fs.writeFileSync(`${m}/${i}`, '');
      };
      const error = await explained(fill, overlay);
      expect(error.code).toBe('ERR_OVERLAY_NO_SPACE');
      expect(error.message).toContain(' 0 inodes free');
    });
  });

  test('ETXTBSY: a program that runs', async () => {
    const { overlay, m } = stack();
    fs.copyFileSync('/bin/sleep', `${m}/nap`);
    fs.chmodSync(`${m}/nap`, 0o755);
    const child = spawn(`${m}/nap`, ['100'], { stdio: 'ignore' });
    try {
      await new Promise((resolve) => child.once('spawn', resolve));
      const error = await explained(() => fs.writeFileSync(`${m}/nap`, ''), overlay);
      expect(error.code).toBe('ERR_OVERLAY_PROGRAM_RUNS');
      expect(error.message).toContain(`process ${child.pid} (nap)`);
    } finally {
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
    }
  });

  describe('ELOOP', () => {
    test('the upper lies in a lower', async () => {
      const scratch = scratchDirectory();
      const { lower, target } = scratch.layers();
      const upper = scratch.directory('lower0/u');
      const work = scratch.directory('lower0/w');
      run(
        'mount',
        '-i',
        '-t',
        'overlay',
        '-o',
        `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`,
        'o',
        target,
      );
      for (const attempt of [
        () => fs.readdirSync(`${target}/u`),
        () => fs.writeFileSync(`${target}/u/x`, ''),
      ]) {
        const error = explainErrorSync(thrownBy(attempt), target);
        expect(error).toMatchObject({ code: 'ERR_OVERLAY_LAYERS_OVERLAP', option: 'upper', path: upper });
      }
      const error = explainErrorSync(
        thrownBy(() => fs.readdirSync(`${target}/w`)),
        target,
      );
      expect(error.option).toBe('work');
    });
    test('links in a circle', async () => {
      const { overlay, m } = stack();
      fs.symlinkSync('circle', `${m}/circle`);
      const error = await explained(() => fs.readFileSync(`${m}/circle`), overlay);
      expect(error.code).toBe('ERR_OVERLAY_SYMLINK_LOOP');
      const below = await explained(() => fs.writeFileSync(`${m}/circle/x`, ''), overlay);
      expect(below).toMatchObject({
        code: 'ERR_OVERLAY_SYMLINK_LOOP',
        message: expect.stringContaining('circle"'),
      });
    });
    test('a link that was opened with O_NOFOLLOW leads in no circle', async () => {
      const { overlay, m } = stack();
      fs.symlinkSync('shared', `${m}/link`);
      const flags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW;
      const error = await explained(() => fs.openSync(`${m}/link`, flags), overlay);
      expect(error.code).toBe('ERR_OVERLAY_UNEXPLAINED');
    });
    test('a mount that follows no links', async () => {
      const { overlay, m } = stack({ attributes: { nosymfollow: true } });
      fs.symlinkSync('shared', `${m}/link`);
      const error = await explained(() => fs.readFileSync(`${m}/link`), overlay);
      expect(error.code).toBe('ERR_OVERLAY_NOSYMFOLLOW');
    });
  });

  test('EPERM: an immutable upper, into which a directory would be copied up', async () => {
    const { overlay, m, upper } = stack();
    run('chattr', '+i', upper);
    onTestFinished(() => void run('chattr', '-i', upper));
    for (const name of ['new', 'shared', 'dir/new']) {
      const error = await explained(() => fs.writeFileSync(`${m}/${name}`, ''), overlay);
      expect(error).toMatchObject({
        code: 'ERR_OVERLAY_IMMUTABLE',
        message: expect.stringContaining(`immutable in upper ("${upper}")`),
      });
    }
  });

  test('callbacks and promises give the same, and descriptors errors without a path', async () => {
    const { overlay, m } = stack({}, 2);
    const told: string[] = [];
    const from = `${m}/dir`;
    for (const error of [
      thrownBy(() => fs.renameSync(from, `${m}/to`)),
      await new Promise((resolve) => fs.rename(from, `${m}/to`, resolve)),
      await fs.promises.rename(from, `${m}/to`).catch((failure: unknown) => failure),
    ])
      told.push((await explainError(error, overlay)).message);
    expect(new Set(told).size).toBe(1);
    end(overlay);
    const { lower, target } = scratchDirectory().layers({ lower: 2 });
    const view = mountSync({ lower, target });
    open.push(view);
    const fd = fs.openSync(`${target}/shared`, 'r');
    for (const error of [
      thrownBy(() => fs.fchmodSync(fd, 0o600)),
      await new Promise((resolve) => fs.fchmod(fd, 0o600, resolve)),
    ])
      expect((await explainError(error, view)).code).toBe('ERR_OVERLAY_READ_ONLY_VIEW');
    fs.closeSync(fd);
  });

  test('what happened elsewhere is no matter of the overlay', async () => {
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers({ lower: 2 });
    const view = mountSync({ lower, target });
    open.push(view);
    const { path } = tmpfsMount({ scratch });
    run('mount', '-o', 'remount,ro', path);
    fs.symlinkSync('circle', scratch.join('circle'));
    for (const attempt of [
      () => fs.writeFileSync(`${path}/file`, ''),
      () => fs.readFileSync(scratch.join('circle')),
      () => fs.renameSync(scratch.join('circle'), `${path}/circle`),
      () => fs.readFileSync(scratch.join('nothing')),
    ]) {
      const error = explainErrorSync(thrownBy(attempt), view);
      expect([error.code, error.findings.length]).toEqual(['ERR_OVERLAY_UNEXPLAINED', 1]);
    }
  });

  test('EPERM: immutable and append-only files of a lower', async () => {
    const { path } = loopFilesystem('ext4');
    const lower = [`${path}/l`];
    fs.mkdirSync(`${path}/l/dir`, { recursive: true });
    for (const name of ['fixed', 'log', 'dir/in']) fs.writeFileSync(`${path}/l/${name}`, 'x');
    run('chattr', '+i', `${path}/l/fixed`, `${path}/l/dir`);
    run('chattr', '+a', `${path}/l/log`);
    try {
      const { overlay, m } = stack({ lower });
      const attempts: [() => unknown, RegExp][] = [
        [() => fs.writeFileSync(`${m}/fixed`, ''), /\/fixed" is immutable/],
        [() => fs.chmodSync(`${m}/fixed`, 0o600), /\/fixed" is immutable/],
        [() => fs.unlinkSync(`${m}/fixed`), /\/fixed" is immutable/],
        [() => fs.writeFileSync(`${m}/dir/new`, ''), /the directory of .* is immutable/],
        [() => fs.renameSync(`${m}/log`, `${m}/moved`), /\/log" is append-only/],
      ];
      for (const [attempt, sentence] of attempts) {
        const error = await explained(attempt, overlay);
        expect(error.code).toBe('ERR_OVERLAY_IMMUTABLE');
        expect(error.message).toMatch(sentence);
      }
    } finally {
      run('chattr', '-i', '-a', '-R', `${path}/l`);
    }
  });

  test('EPERM: a whiteout made by hand in the merged view', async () => {
    const { overlay, m } = stack();
    const thrown = thrownBy(() => runSync(call('mknodat', AT_FDCWD, `${m}/gone`, 0o020000, 0)));
    const error = await explainError(Object.assign(thrown, { path: `${m}/gone` }), overlay);
    expect(error.code).toBe('ERR_OVERLAY_NO_WHITEOUT_BY_HAND');
  });

  test('ENOENT: the upper has been removed', async () => {
    const { overlay, m, upper } = stack();
    fs.rmSync(upper, { recursive: true });
    const error = await explained(() => fs.mkdirSync(`${m}/new`), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_UPPER_REMOVED', option: 'upper' });
  });

  test('what means just what it says stays unexplained, with what was looked at', async () => {
    const { overlay, m } = stack();
    const error = await explained(() => fs.readFileSync(`${m}/missing`), overlay);
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_UNEXPLAINED', path: `${m}/missing` });
    expect(error.message).toMatch(/ENOENT .*layers that have it: none/);
    const faked = Object.assign(new Error('made up'), { errno: -5, code: 'EIO', syscall: 'read' });
    for (const errno of [1, 2, 5, 6, 13, 18, 26, 28, 30, 40, 75, 116]) {
      const other = Object.assign(faked, { errno: -errno, path: `${m}/shared` });
      expect([errno, explainErrorSync(other, overlay).code]).toEqual([errno, 'ERR_OVERLAY_UNEXPLAINED']);
    }
  });

  test('a detached overlay, and a path with links', async () => {
    const { overlay, m } = stack({ target: undefined as never, options: { redirectDir: 'off' } });
    fs.symlinkSync('dir', `${m}/link`);
    fs.mkdirSync(`${m}/made`);
    const renamed = await explained(() => fs.renameSync(`${m}/dir`, `${m}/made/x`), overlay);
    expect(renamed.code).toBe('ERR_OVERLAY_REDIRECT_OFF');
  });

  test('a bind mount of a part, and a relative path', async () => {
    const { m, target } = stack({ options: { redirectDir: 'off' } });
    fs.mkdirSync(`${m}/dir/made`);
    const part = scratchDirectory().path;
    fs.cpSync(`${m}/shared`, `${m}/dir/own`);
    run('mount', '--bind', `${target}/dir`, part);
    run('mount', '-o', 'remount,bind,ro', part);
    const thrown = thrownBy(() => fs.writeFileSync(`${part}/lower0`, ''));
    expect(explainErrorSync(thrown, part).code).toBe('ERR_OVERLAY_READ_ONLY_MOUNT');
    const missing = Object.assign(thrown, { errno: -2, path: `${part}/lower0` });
    expect(explainErrorSync(missing, part).message).toContain('layers that have it: lower');
    const tilde = Object.assign(thrown, { path: '~/x' });
    expect(explainErrorSync(tilde, part).code).toBe('ERR_OVERLAY_UNEXPLAINED');
  });

  test('does not keep others from unmounting', () => {
    const { overlay, m } = stack();
    explainErrorSync(
      thrownBy(() => fs.readFileSync(`${m}/missing`)),
      overlay,
    );
    run('umount', m);
  });

  test('in a user namespace: owners that are not mapped, and trusted attributes that are not to be had', () => {
    needUserNamespaces();
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers();
    scratch.file('lower0/tree/leaf', 'x');
    fs.chmodSync(lower[0]!, 0o755);
    for (const [name, id, mode] of [
      ['open', 4242, 0o666],
      ['shut', 4242, 0o600],
    ] as const) {
      scratch.file(`lower0/${name}`, 'x');
      fs.chownSync(`${lower[0]}/${name}`, id, id);
      fs.chmodSync(`${lower[0]}/${name}`, mode);
    }
    const closed = scratch.directory('closed');
    fs.chownSync(closed, 4242, 4242);
    fs.chmodSync(closed, 0o700);
    const script = `
      import fs from 'node:fs'; import { execFileSync } from 'node:child_process';
      import { explainErrorSync } from 'overlayfs';
      const m = ${JSON.stringify(target)}, said = [];
      execFileSync('mount', ['-t', 'tmpfs', 't', ${JSON.stringify(scratch.directory('t'))}]);
      const t = ${JSON.stringify(scratch.join('t'))};
      for (const name of ['u', 'w']) fs.mkdirSync(t + '/' + name);
      const layers = 'lowerdir=${lower[0]},upperdir=' + t + '/u,workdir=' + t + '/w';
      execFileSync('mount', ['-i', '-t', 'overlay', '-o', layers, 'o', m]);
      const tries = [
        () => fs.appendFileSync(m + '/open', 'y'), () => fs.readFileSync(m + '/shut'), () => fs.chmodSync(m + '/open', 0o600),
        () => fs.rmSync(m + '/tree', { recursive: true }), () => { fs.rmSync(m + '/shared'); fs.mkdirSync(m + '/shared'); },
      ];
      for (const attempt of tries) try { attempt(); said.push('done'); } catch (error) { said.push(error.code + ' ' + explainErrorSync(error, m).code + ' ' + error.syscall); }
      execFileSync('umount', [m]);
      execFileSync('mount', ['-i', '-t', 'overlay', '-o', layers.replace('${lower[0]}', '${closed}'), 'o', m]);
      try { fs.readFileSync(m + '/x'); } catch (error) { said.push(error.code + ' ' + explainErrorSync(error, m).code); }
      console.log(JSON.stringify(said));`;
    const under = ['unshare', '--user', '--map-root-user', '--mount'];
    expect(printedJson(runNode(script, { under }))).toEqual([
      'EOVERFLOW ERR_OVERLAY_UNMAPPED_OWNER open',
      'EACCES ERR_OVERLAY_UNMAPPED_OWNER open',
      'EPERM ERR_OVERLAY_UNMAPPED_OWNER chmod',
      expect.stringMatching(/^EIO ERR_OVERLAY_NEEDS_TRUSTED/),
      expect.stringMatching(/^EIO ERR_OVERLAY_NEEDS_TRUSTED/),
      'EACCES ERR_OVERLAY_LAYER_CLOSED',
    ]);
  });
});

test('wrong arguments, and what is no error of a system call', async () => {
  expect((await explainError(new Error('x'), '/')).code).toBe('ERR_OVERLAY_UNEXPLAINED');
  const thrown = thrownBy(() => fs.readFileSync('/no/such'));
  await expect(explainError(thrown, 7 as never)).rejects.toMatchObject({ code: 'ERR_OVERLAY_INVALID_TYPE' });
  const given = new OverlayError([{ code: 'ERR_OVERLAY_ENDED', sentence: 's', hint: 'h' }]);
  expect(await explainError(given, '/')).toBe(given);
  const nowhere = await explainError(thrown, '/no/such');
  expect(nowhere).toMatchObject({
    code: 'ERR_OVERLAY_UNEXPLAINED',
    errno: -2,
    syscall: 'open',
    path: '/no/such',
  });
  expect(nowhere.message).toContain('no overlay of this mount namespace');
});
