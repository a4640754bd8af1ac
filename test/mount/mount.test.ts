// Mounting for real: attached and detached, both forms, both families, any number of layers.
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tree } from '../support/tree.ts';
import { comparable, entryAt, errorOf, families, forms, ways } from './forms.ts';
import { traces } from './traces.ts';

describePrivileged('mount', () => {
  describe.each(ways)('%s', (_, form, via) => {
    test('attached: shows the layers, takes changes in the upper, and is gone after unmount', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
      const overlay = await form.mount({ lower, upper, work, target, via });
      expect(overlay).toMatchObject({ path: target, attached: true, via, fallbacks: [] });
      expect(tree(target)).toEqual({
        'dir/lower0': 'lower0',
        'dir/lower1': 'lower1',
        'from-lower0': 'lower0',
        'from-lower1': 'lower1',
        shared: 'lower0',
      });
      writeFileSync(`${target}/shared`, 'changed');
      expect(readFileSync(`${upper}/shared`, 'utf8')).toBe('changed');
      expect(readFileSync(`${lower[0]}/shared`, 'utf8')).toBe('lower0');
      await form.end(overlay);
      expect(entryAt(target)).toBeUndefined();
      expect(overlay.attached).toBe(false);
      expect(readdirSync(target)).toEqual([]);
    });

    test('detached: is in no mount table, is used by its path, and is gone after unmount', async () => {
      const scratch = scratchDirectory();
      const { lower, upper, work } = scratch.layers({ target: false });
      const before = traces(scratch.path);
      const overlay = await form.mount({ lower, upper, work, via });
      expect(overlay.attached).toBe(false);
      expect(overlay.path).toBe(`/proc/${process.pid}/fd/${overlay.fd}`);
      expect(traces(scratch.path).mounts).toEqual(before.mounts);
      writeFileSync(`${overlay.path}/new`, 'made');
      expect(readFileSync(`${upper}/new`, 'utf8')).toBe('made');
      // Another process of the same user reads it by the same path.
      expect(run('cat', `${overlay.path}/new`)).toBe('made');
      await form.end(overlay);
      expect(traces(scratch.path)).toMatchObject({
        descriptors: before.descriptors,
        temporary: before.temporary,
        mounts: before.mounts,
      });
    });

    test('detached, then attached', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers();
      const overlay = await form.mount({ lower, upper, work, via, attributes: { nodev: true } });
      writeFileSync(`${overlay.path}/before`, '');
      await form.attach(overlay, target);
      expect(overlay).toMatchObject({ attached: true, path: target });
      expect(readdirSync(target)).toContain('before');
      expect(entryAt(target)).toMatchObject({ lower, upper, work, attributes: { nodev: true } });
      await form.end(overlay);
      expect(entryAt(target)).toBeUndefined();
    });

    test.each([1, 2])('a view of %i lowers without an upper', async (count) => {
      const { lower, target } = scratchDirectory().layers({ lower: count, upper: false, work: false });
      const overlay = await form.mount({ lower, target, via });
      expect(readFileSync(`${target}/shared`, 'utf8')).toBe('lower0');
      expect(readdirSync(target)).toHaveLength(2 + count);
      expect(() => writeFileSync(`${target}/new`, '')).toThrow('EROFS');
      expect(entryAt(target)).toMatchObject({ lower, data: [], readOnly: true, unknown: [] });
      expect(entryAt(target)).not.toHaveProperty('upper');
      await form.end(overlay);
    });

    test('a detached view of one lower', async () => {
      const { lower } = scratchDirectory().layers({ upper: false, work: false, target: false });
      const overlay = await form.mount({ lower: lower[0]!, via });
      expect(readdirSync(overlay.path).sort()).toEqual(['dir', 'from-lower0', 'shared']);
      await form.end(overlay);
    });
  });

  describe.each(forms)('$name', (form) => {
    test.each([1, 2, 25, 128, 500])('%i lowers, the top one first', async (count) => {
      const scratch = scratchDirectory();
      const lower = Array.from({ length: count }, (_, i) => {
        scratch.file(`${i}/name-${i}`, String(i));
        scratch.file(`${i}/all`, String(i));
        return scratch.join(String(i));
      });
      const target = scratch.directory('target');
      const writable = await form.mount({ lower, upper: scratch.directory('upper'), target });
      expect(readdirSync(target)).toHaveLength(count + 1);
      expect(readFileSync(`${target}/all`, 'utf8')).toBe('0');
      expect(entryAt(target)?.lower).toEqual(lower);
      await form.end(writable);
      const view = await form.mount({ lower, target });
      expect(entryAt(target)?.lower).toEqual(lower);
      await form.end(view);
    });

    test('refuses more layers than the kernel takes, before any of them is looked for', async () => {
      const lower = Array.from({ length: 501 }, (_, i) => `/nowhere/${i}`);
      expect(await errorOf(() => form.mount({ lower }))).toMatchObject({
        code: 'ERR_OVERLAY_TOO_MANY_LAYERS',
        option: 'lower',
      });
      const spec: MountSpec = { lower: lower.slice(0, 499), data: ['/nowhere/a', '/nowhere/b'] };
      expect(await errorOf(() => form.mount(spec))).toMatchObject({
        code: 'ERR_OVERLAY_TOO_MANY_LAYERS',
        option: 'data',
      });
    });

    test('ends itself when its block ends', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers();
      {
        await using overlay = await form.mount({ lower, upper, work, target });
        expect(entryAt(overlay.path)).toBeDefined();
      }
      expect(entryAt(target)).toBeUndefined();
      {
        using overlay = await form.mount({ lower, upper, work, target });
        expect(entryAt(overlay.path)).toBeDefined();
      }
      expect(entryAt(target)).toBeUndefined();
    });
  });

  describe.each(families)('data-only layers, %s', (via) => {
    test('give the data of metacopy files and show no names', () => {
      const scratch = scratchDirectory();
      // A metacopy file with a redirect into the data layer, made as the kernel makes it.
      scratch.file('data/blob', 'the data');
      scratch.file('meta/file');
      run('truncate', '-s', '8', scratch.join('meta/file'));
      const fd = openSync(scratch.join('meta/file'), 'r');
      callSync('setxattr', fd, 'trusted.overlay.metacopy', Buffer.alloc(0), 0);
      callSync('setxattr', fd, 'trusted.overlay.redirect', Buffer.from('/blob'), 0);
      closeSync(fd);
      const target = scratch.directory('target');
      const lower = scratch.join('meta');
      const data = [scratch.join('data')];
      using _overlay = mountSync({ lower, data, target, via, options: { metacopy: true } });
      expect(tree(target)).toEqual({ file: 'the data' });
      expect(entryAt(target)).toMatchObject({ lower: [lower], data, unknown: [] });
    });
  });

  describe('layers given in other ways', () => {
    const { stringify } = JSON;

    test('bytes and file: URLs, percent-encoded bytes that are no UTF-8 among them', async () => {
      const scratch = scratchDirectory();
      const odd = Buffer.concat([Buffer.from(`${scratch.path}/`), Buffer.from([0xff, 0x20, 0x25])]);
      mkdirSync(odd);
      writeFileSync(Buffer.concat([odd, Buffer.from('/in-odd')]), '');
      const url = new URL(`${pathToFileURL(scratch.path).href}/%FF%20%25`);
      const plain = scratch.directory('plain name');
      const target = scratch.directory('target');
      for (const lower of [
        [odd, pathToFileURL(plain)],
        [url, Buffer.from(plain)],
        [new Uint8Array(odd), plain],
      ]) {
        await using _overlay = await mount({ lower, target: pathToFileURL(target) });
        expect(readdirSync(target)).toEqual(['in-odd']);
        expect(entryAt(target)?.lower).toEqual([odd, plain]);
      }
    });

    test.each(families)(
      'open directories: FileHandle, { fd }, also without a name any more (%s)',
      async (via) => {
        const scratch = scratchDirectory();
        const { lower, upper, work, target } = scratch.layers({ lower: 2 });
        const handles = await Promise.all([...lower, upper, work].map((path) => open(path)));
        const [top, bottom, upperHandle, workHandle] = handles;
        const spec: MountSpec = {
          lower: [top!, { fd: bottom!.fd }],
          upper: upperHandle!,
          work: workHandle!,
          target,
          via,
        };
        const overlay = await mount(spec);
        expect(readFileSync(`${target}/from-lower1`, 'utf8')).toBe('lower1');
        writeFileSync(`${target}/new`, '');
        expect(existsSync(`${upper}/new`)).toBe(true);
        const entry = entryAt(target)!;
        if (via === 'fsopen') expect(comparable(entry)).toMatchObject({ lower, upper, work, unknown: [] });
        else expect(entry.unknown.map(({ option }) => option)).toEqual(['lower', 'lower', 'upper', 'work']);
        await overlay.unmount();
        // They stay the caller's, open.
        for (const handle of handles) {
          expect((await handle.stat()).isDirectory()).toBe(true);
          await handle.close();
        }
      },
    );

    test('relative paths, resolved where the process stands when mount is called', () => {
      const scratch = scratchDirectory();
      const { lower, upper, work, target } = scratch.layers();
      const script = `
        import { listSync, mountSync } from 'overlayfs';
        process.chdir(${stringify(scratch.path)});
        const spec = { lower: 'lower0', upper: './upper', work: 'work/.', target: 'target' };
        const overlay = mountSync(spec);
        process.chdir('/');
        console.log(JSON.stringify(listSync().find(({ target }) => target === ${stringify(target)})));
        overlay.unmountSync();`;
      const entry = printedJson<Record<string, unknown>>(runNode(script));
      expect(entry).toMatchObject({ lower, upper, target, unknown: [] });
      expect(work.startsWith(scratch.path)).toBe(true);
    });

    test.each(families)('symbolic links, as layers and as target (%s)', (via) => {
      const scratch = scratchDirectory();
      const { lower, upper, work, target } = scratch.layers();
      const links = Object.entries({ lower: lower[0]!, upper, work, target }).map(([name, to]) => {
        symlinkSync(to, scratch.join(`to-${name}`));
        return [name, scratch.join(`to-${name}`)];
      });
      using overlay = mountSync({ ...(Object.fromEntries(links) as unknown as MountSpec), via });
      expect(overlay.path).toBe(scratch.join('to-target'));
      writeFileSync(`${overlay.path}/new`, '');
      expect(existsSync(`${upper}/new`)).toBe(true);
      expect(entryAt(target)).toBeDefined();
    });
  });

  test.each(families)(
    'an own work directory: beside the upper, private, unique, gone after unmount (%s)',
    async (via) => {
      const scratch = scratchDirectory();
      const { lower, upper, target } = scratch.layers({ work: false });
      const names = new Set<unknown>();
      for (let round = 0; round < 3; round++) {
        const overlay = await mount({ lower, upper, target, via, mkdir: true });
        const { work } = overlay.spec;
        expect(work).toMatch(new RegExp(`^${scratch.path}/\\.overlayfs-work-[0-9a-f]{16}$`));
        expect(statSync(work as string).mode & 0o777).toBe(0o700);
        expect(entryAt(target)).toMatchObject({ work });
        names.add(work);
        await overlay.unmount();
        expect(readdirSync(scratch.path).sort()).toEqual(['lower0', 'target', 'upper']);
      }
      expect(names.size).toBe(3);
    },
  );

  test('the spec of the overlay is frozen, and a copy', () => {
    const { lower, upper, work, target } = scratchDirectory().layers();
    const spec = { lower: [...lower], upper, work, target, options: { index: true } };
    using overlay = mountSync(spec);
    spec.lower.push('/later');
    expect(overlay.spec).toEqual({ lower, upper, work, target, options: { index: true } });
    for (const value of [overlay.spec, overlay.spec.lower, overlay.spec.options]) {
      expect(Object.isFrozen(value)).toBe(true);
    }
  });

  test('many promise mounts at once, all of them writable and attached', async () => {
    const scratch = scratchDirectory();
    const lower = scratch.file('lower/file', 'text').replace('/file', '');
    const before = traces(scratch.path);
    const overlays = await Promise.all(
      Array.from({ length: 60 }, (_, i) =>
        mount({ lower, upper: scratch.join(`${i}/u`), target: scratch.join(`${i}/m`), mkdir: true }),
      ),
    );
    for (const { path } of overlays) expect(readFileSync(`${path}/file`, 'utf8')).toBe('text');
    await Promise.all(overlays.map((overlay) => overlay.unmount()));
    const after = traces(scratch.path);
    expect([after.mounts, after.descriptors]).toEqual([before.mounts, before.descriptors]);
  });

  test('many views of one lower at once leave no descriptor but the two of the empty directory', () => {
    const scratch = scratchDirectory();
    const lower = scratch.directory('lower');
    const script = `
      import { readdirSync, readlinkSync } from 'node:fs';
      import { mount } from 'overlayfs';
      // That of a large mount table is kept too.
      const isTable = (fd) => { try { return readlinkSync('/proc/self/fd/' + fd).endsWith('/mountinfo'); } catch { return false; } };
      const count = () => readdirSync('/proc/self/fd').filter((fd) => !isTable(fd)).length;
      await Promise.all([1]); await import('node:fs/promises').then((fs) => fs.stat('/'));
      const before = count();
      const views = await Promise.all(Array.from({ length: 50 }, () => mount({ lower: process.argv[1] })));
      await Promise.all(views.map((view) => view.unmount()));
      console.log(count() - before);`;
    expect(printedJson(runNode(script, { args: [lower] }))).toBe(2);
  });

  test('an upper at the root of its mount leaves no place for a work directory', async () => {
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers({ upper: false, work: false });
    const { path } = tmpfsMount({ scratch });
    expect(await errorOf(() => mount({ lower, upper: path, target }))).toMatchObject({
      code: 'ERR_OVERLAY_NO_WORK',
      option: 'upper',
      path,
    });
    const handle = await open(path);
    expect(await errorOf(() => mount({ lower, upper: handle, target }))).toMatchObject({
      code: 'ERR_OVERLAY_NO_WORK',
    });
    await handle.close();
    expect(readdirSync(path)).toEqual([]);
  });
});
