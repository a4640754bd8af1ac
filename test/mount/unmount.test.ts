// Ending overlays by path: what is refused, what is busy and by whom, and what goes with them.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { pathToFileURL } from 'node:url';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { unmountSync } from '../../lib/mount/unmount.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { asNobody, printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable, entryAt, errorOf, forms } from './forms.ts';
import { traces } from './traces.ts';

const stack = (): MountSpec & { target: string; upper: string; lower: string[] } =>
  scratchDirectory().layers();

/** A process that does something and stays, told by its first output. */
async function staying(shell: string, cwd = '/'): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', shell], { cwd, stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error(`it ended: ${shell}`)));
  await Promise.race([once(child.stdout!, 'data'), ended]);
  ended.catch(() => {}); // later it may
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Mounts in a process that is over by then. */
const mountElsewhere = (spec: MountSpec): void => {
  const script = `import { mountSync } from 'overlayfs'; mountSync(${JSON.stringify(spec)}); console.log(1);`;
  printedJson(runNode(script));
};

describePrivileged('unmount', () => {
  describe.each(forms)('$name', (form) => {
    test('says of one in a detached overlay that it goes with that, and it does', async () => {
      const { lower, upper, work } = scratchDirectory().layers({ target: false });
      const outer = await form.mount({ lower, upper, work });
      const target = `${outer.path}/dir`;
      const inner = await form.mount({ lower: [tmpfsMount().path, lower[0]!], target, shareLower: true });
      for (const end of [() => form.unmount(target), () => form.end(inner)]) {
        const error = await errorOf(end);
        expect(error).toMatchObject({ code: 'ERR_OVERLAY_IN_DETACHED', option: 'target', path: target });
      }
      await form.end(outer);
      await form.end(inner);
    });

    test('ends an overlay of this process, and its handle with it', async () => {
      const { target, ...spec } = stack();
      const overlay = await form.mount({ ...spec, target });
      await form.unmount(target);
      expect([entryAt(target), overlay.attached]).toEqual([undefined, false]);
      expect(() => overlay.fd).toThrow('has been unmounted');
      await form.end(overlay);
      // The upper is free again.
      await form.end(await form.mount({ ...spec, target }));
    });

    test('ends what another process, or mount(8), has mounted', async () => {
      const spec = stack();
      mountElsewhere(spec);
      await form.unmount(spec.target);
      run('mount', '-t', 'overlay', 'o', '-o', `lowerdir=${spec.lower}:/etc/apt`, spec.target);
      await form.unmount(spec.target);
      expect(entryAt(spec.target)).toBeUndefined();
    });

    test('takes bytes, file: URLs, relative paths and symbolic links', async () => {
      const scratch = scratchDirectory();
      const { target, ...spec } = scratch.layers();
      symlinkSync(target, scratch.join('link'));
      const relative = `../../../../../../../../../..${target}/.`;
      for (const path of [
        Buffer.from(target),
        pathToFileURL(target),
        relative,
        scratch.join('link'),
        `${target}/`,
      ]) {
        mountElsewhere({ ...spec, target });
        await form.unmount(path);
        expect(entryAt(target)).toBeUndefined();
      }
    });

    test('ends the uppermost of two on one target, then the other', async () => {
      const [one, two] = [stack(), stack()];
      await form.mount(one);
      await form.mount({ ...two, target: one.target });
      await form.unmount(one.target);
      expect(entryAt(one.target)?.upper).toBe(one.upper);
      await form.unmount(one.target);
      expect(entryAt(one.target)).toBeUndefined();
    });

    test.each([
      ['a plain directory', (s: string) => s, 'no mount point'],
      ['a mount of something else', (s: string) => `${s}/tmpfs`, 'not of an overlay'],
      ['a directory in an overlay', (s: string) => `${s}/target/dir`, 'not its mount point'],
    ])('refuses %s', async (_, pathIn, words) => {
      const scratch = scratchDirectory();
      const { lower, upper, work, target } = scratch.layers();
      tmpfsMount({ scratch });
      await using _overlay = await form.mount({ lower, upper, work, target });
      const path = pathIn(scratch.path);
      const error = await errorOf(() => form.unmount(path));
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_NOT_MOUNTED', option: 'target', path });
      expect(error.message).toContain(words);
      expect(entryAt(target)).toBeDefined();
    });

    test('refuses what is missing, no directory, or no path', async () => {
      const scratch = scratchDirectory();
      const file = scratch.file('file');
      for (const [path, code] of [
        [scratch.join('missing'), 'ERR_OVERLAY_NOT_FOUND'],
        [file, 'ERR_OVERLAY_NOT_DIRECTORY'],
        [`${file}/below`, 'ERR_OVERLAY_NOT_DIRECTORY'],
      ] as const) {
        const error = await errorOf(() => form.unmount(path));
        expect(error).toMatchObject({ code, option: 'target', path, cause: { name: 'KernelError' } });
        expect(error.hint).not.toContain('mkdir');
      }
      for (const wrong of [undefined, null, 7, {}, { fd: 3 }, []]) {
        expect(await errorOf(() => form.unmount(wrong as never))).toMatchObject({
          code: 'ERR_OVERLAY_INVALID_TYPE',
        });
      }
      expect(await errorOf(() => form.unmount('~/m'))).toMatchObject({ code: 'ERR_OVERLAY_TILDE' });
      expect(await errorOf(() => form.unmount('/x', { lazy: 1 as never }))).toMatchObject({ option: 'lazy' });
      expect(await errorOf(() => form.unmount('/x', true as never))).toMatchObject({ option: 'options' });
    });

    test('is idempotent on the handle, whatever has happened to the mount', async () => {
      const spec = stack();
      const overlay = await form.mount(spec);
      await form.end(overlay);
      await form.end(overlay);
      overlay[Symbol.dispose]();
      await overlay[Symbol.asyncDispose]();
      const other = await form.mount(spec);
      run('umount', spec.target);
      await form.end(other);
      const third = await form.mount(spec);
      run('umount', spec.target);
      // Its lock went with it, as the next mount shows.
      await form.end(await form.mount(spec));
      await form.end(third);
    });

    test('leaves a mount alone that somebody else has put in its place', async () => {
      const [ours, theirs] = [stack(), stack()];
      const overlay = await form.mount(ours);
      run('umount', ours.target);
      mountElsewhere({ ...theirs, target: ours.target });
      await form.end(overlay);
      expect(entryAt(ours.target)?.upper).toBe(theirs.upper);
    });

    test('ends an overlay where it has been moved to', async () => {
      const scratch = scratchDirectory();
      const spec = scratch.layers();
      const elsewhere = scratch.directory('elsewhere');
      const overlay = await form.mount(spec);
      run('mount', '--move', spec.target, elsewhere);
      await form.end(overlay);
      expect(entryAt(elsewhere)).toBeUndefined();
    });

    test('says that another mount covers it, and ends it after that', async () => {
      const spec = stack();
      const overlay = await form.mount(spec);
      expect(overlay.fd).toBeGreaterThan(2);
      run('mount', '-t', 'tmpfs', 'cover', spec.target);
      expect(await errorOf(() => form.end(overlay))).toMatchObject({
        code: 'ERR_OVERLAY_COVERED',
        option: 'target',
        path: spec.target,
      });
      run('umount', spec.target);
      await form.end(overlay);
      expect(entryAt(spec.target)).toBeUndefined();
    });
  });

  describe('busy', () => {
    const holders: [string, (target: string) => string, RegExp][] = [
      ['a working directory', (target) => `cd '${target}' && echo go && exec sleep 100`, /: cwd/],
      [
        'an open file',
        (target) => `exec 7<'${target}/shared' && echo go && exec sleep 100`,
        /: (?:.*, )?fd 7/,
      ],
      ['an open directory', (target) => `exec 8<'${target}/dir' && echo go && exec sleep 100`, /fd 8/],
      [
        'a running program',
        (target) => `cp /bin/sh '${target}/nap' && exec '${target}/nap' -c 'echo go; kill -STOP $$'`,
        /exe/,
      ],
      [
        'a mapped file',
        (target) => `exec python3 -c "import mmap, time
f = open('${target}/shared')
m = mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ)
print('go', flush=True); time.sleep(100)"`,
        /mapped file/,
      ],
    ];

    test.each(holders)('by %s: names the process, and offers lazy', async (_, script, by) => {
      const spec = stack();
      const overlay = mountSync(spec);
      const child = await staying(script(spec.target));
      for (const form of forms) {
        for (const attempt of [() => form.end(overlay), () => form.unmount(spec.target)]) {
          const error = await errorOf(attempt);
          expect(error).toMatchObject({
            code: 'ERR_OVERLAY_BUSY',
            option: 'target',
            path: spec.target,
            errno: -16,
            syscall: 'umount2',
            hint: expect.stringContaining('lazy'),
          });
          expect(error.message).toMatch(new RegExp(`process ${child.pid} \\(`));
          expect(error.message).toMatch(by);
        }
      }
      expect(overlay.attached).toBe(true);
      await kill(child);
      overlay.unmountSync();
      expect(entryAt(spec.target)).toBeUndefined();
    });

    test('by this process itself', async () => {
      const spec = stack();
      const overlay = mountSync(spec);
      const fd = openSync(`${spec.target}/shared`, 'r');
      const { message } = await errorOf(() => overlay.unmountSync());
      expect(message).toContain(`process ${process.pid} (`);
      expect(message).toContain(`fd ${fd}`);
      closeSync(fd);
      overlay.unmountSync();
    });

    test('by mounts in it, which are named', async () => {
      const spec = stack();
      const overlay = mountSync(spec);
      mkdirSync(`${spec.target}/inner`);
      run('mount', '-t', 'tmpfs', 'inner', `${spec.target}/inner`);
      const { message } = await errorOf(() => overlay.unmount());
      expect(message).toContain(`a mount at "${spec.target}/inner"`);
      run('umount', `${spec.target}/inner`);
      await overlay.unmount();
    });

    test('does not come from the descriptor of the handle itself', async () => {
      const spec = stack();
      const overlay = await mount(spec);
      expect(readdirSync(`/proc/self/fd/${overlay.fd}`)).toContain('shared');
      await overlay.unmount();
      expect(entryAt(spec.target)).toBeUndefined();
    });

    test('leaves the handle usable, with a descriptor of its own again', async () => {
      const spec = stack();
      const overlay = await mount({ ...spec, target: undefined as never });
      await overlay.attach(spec.target);
      const held = openSync(`${spec.target}/shared`, 'r');
      await errorOf(() => overlay.unmount());
      expect(readdirSync(`/proc/self/fd/${overlay.fd}`)).toContain('shared');
      closeSync(held);
      await overlay.unmount();
    });

    test.each(forms)('lazy takes it out of sight at once ($name)', async (form) => {
      const spec = stack();
      const overlay = await form.mount(spec);
      const fd = openSync(`${spec.target}/shared`, 'r');
      await form.end(overlay, { lazy: true });
      expect(entryAt(spec.target)).toBeUndefined();
      expect(readFileSync(fd, 'utf8')).toBe('lower0');
      closeSync(fd);
      mountElsewhere(spec);
      const held = openSync(`${spec.target}/shared`, 'r');
      await form.unmount(spec.target, { lazy: true });
      expect(entryAt(spec.target)).toBeUndefined();
      closeSync(held);
    });
  });

  test('who asks again while it is ending waits for the same end', async () => {
    const spec = stack();
    const overlay = await mount(spec);
    const held = openSync(`${spec.target}/shared`, 'r');
    const results = await Promise.allSettled([overlay.unmount(), overlay.unmount()]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    closeSync(held);
    await Promise.all([overlay.unmount(), overlay.unmount()]);
    expect(entryAt(spec.target)).toBeUndefined();
  });

  describe('the work directory that mount made', () => {
    const own = () => {
      const scratch = scratchDirectory();
      const { lower, upper, target } = scratch.layers({ work: false });
      const works = () => readdirSync(scratch.path).filter((name) => name.startsWith('.overlayfs-work-'));
      return { scratch, works, spec: { lower, upper, target } };
    };

    test.each([
      ['plain', {}],
      ['volatile, which leaves its marker', { volatile: true }],
      ['with an index', { index: true }],
      ['for export', { nfsExport: true }],
    ] as const)('goes with it: %s', async (_, options) => {
      for (const form of forms) {
        const { spec, works } = own();
        const overlay = await form.mount({ ...spec, options });
        writeFileSync(`${spec.target}/shared`, 'changed');
        expect(works()).toHaveLength(1);
        await form.end(overlay);
        expect(works()).toEqual([]);
        mountElsewhere({ ...spec, options, trustVolatile: true });
        await form.unmount(spec.target);
        expect(works()).toEqual([]);
      }
    });

    test('goes when another process unmounts it by its path', async () => {
      const { spec, works } = own();
      const overlay = mountSync(spec);
      printedJson(
        runNode(`import { unmountSync } from 'overlayfs'; unmountSync('${spec.target}'); console.log(1);`),
      );
      expect(works()).toEqual([]);
      await overlay.unmount();
    });

    test('goes after umount(8), at the end of the handle', async () => {
      const { spec, works } = own();
      const overlay = mountSync(spec);
      run('umount', spec.target);
      await overlay.unmount();
      expect(works()).toEqual([]);
    });

    test('stays as long as the overlay lives on by a bind mount, which can still be written', async () => {
      const { scratch, spec, works } = own();
      mountElsewhere(spec);
      const second = scratch.directory('second');
      run('mount', '--bind', spec.target, second);
      unmountSync(spec.target);
      writeFileSync(`${second}/shared`, 'written later');
      unmountSync(second);
      expect(works()).toEqual([]);
    });

    test('stays after a lazy unmount while somebody is in it, who can still write', async () => {
      for (const form of forms) {
        const { spec, works } = own();
        const overlay = await form.mount(spec);
        const fd = openSync(spec.target, 'r');
        await form.end(overlay, { lazy: true });
        writeFileSync(`/proc/self/fd/${fd}/shared`, 'written later');
        expect(works()).toHaveLength(1);
        closeSync(fd);
        const idle = await form.mount(spec);
        await form.end(idle, { lazy: true });
        expect(works()).toHaveLength(1);
      }
    });

    test('of somebody else is left alone, whatever its name is like', () => {
      const scratch = scratchDirectory();
      const { lower, upper, target } = scratch.layers({ work: false });
      const work = scratch.directory('.overlayfs-work-mine');
      mountElsewhere({ lower, upper, target, work });
      unmountSync(target);
      expect(readdirSync(work)).toEqual(['work']);
    });
  });

  test('knows the mount also where statmount is not to be had', () => {
    const scratch = scratchDirectory();
    const { lower, upper, target } = scratch.layers({ work: false });
    const elsewhere = scratch.directory('elsewhere');
    const spec = JSON.stringify({ lower, upper, target });
    const script = `
      import { execFileSync } from 'node:child_process';
      import { listSync, mountSync, unmountSync } from 'overlayfs';
      const said = [];
      const moved = mountSync(${spec});
      execFileSync('mount', ['--move', '${target}', '${elsewhere}']);
      moved.unmountSync();
      said.push(listSync().filter(({ target }) => target.startsWith('${scratch.path}')).length);
      const mine = mountSync(${spec});
      try { mountSync({ ...${spec}, target: '${elsewhere}' }); } catch (error) { said.push(error.code); }
      said.push(mine.attached, listSync().filter(({ target }) => target === '${target}').length);
      unmountSync('${target}');
      said.push(mine.attached);
      console.log(JSON.stringify(said));`;
    expect(printedJson(runFaked(kernels.withoutStatmount, script))).toEqual([
      0,
      'ERR_OVERLAY_IN_USE',
      true,
      1,
      false,
    ]);
    expect(readdirSync(scratch.path).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('leaves no descriptor behind, whether it succeeds or fails', async () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    const before = traces(scratch.path).descriptors;
    for (const form of forms) {
      await errorOf(() => form.unmount(spec.target));
      await errorOf(() => form.unmount(scratch.join('missing')));
      await errorOf(() => form.unmount(`${spec.lower[0]}/shared`));
      await form.mount(spec);
      await form.unmount(spec.target);
    }
    expect(traces(scratch.path).descriptors).toEqual(before);
  });

  test('says that an ordinary user may not', () => {
    const spec = stack();
    using _overlay = mountSync(spec);
    const before = comparable(entryAt(spec.target));
    const script = `
      import { unmountSync } from 'overlayfs';
      try { unmountSync('${spec.target}'); } catch ({ code, option, syscall, hint }) { console.log(JSON.stringify({ code, option, syscall, hint })); }`;
    expect(printedJson(asNobody(script))).toMatchObject({
      code: 'ERR_OVERLAY_NO_PRIVILEGE',
      option: 'target',
      syscall: 'umount2',
      hint: expect.stringContaining('root'),
    });
    expect(comparable(entryAt(spec.target))).toEqual(before);
  });

  test('says of one that another user namespace has mounted that it is locked', () => {
    const { lower, target } = scratchDirectory().layers({ lower: 2 });
    mountSync({ lower, target });
    const script = `
      import { unmountSync } from 'overlayfs';
      try { unmountSync(process.argv[1]); } catch ({ code }) { console.log(JSON.stringify(code)); }`;
    const under = ['unshare', '--user', '--map-root-user', '--mount'];
    expect(printedJson(runNode(script, { under, args: [target] }))).toBe('ERR_OVERLAY_MOUNT_LOCKED');
  });
});
