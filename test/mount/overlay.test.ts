// The handle: its descriptor, its end, and attaching it, once and with good reasons for every refusal.
import { fstatSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { entryAt, errorOf, forms } from './forms.ts';
import { traces } from './traces.ts';

describePrivileged('an overlay', () => {
  test('opens its root when it is asked for, and once', () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    const overlay = mountSync(spec);
    const before = traces(scratch.path).descriptors.length;
    expect(overlay.fd).toBe(overlay.fd);
    expect(traces(scratch.path).descriptors).toHaveLength(before + 1);
    expect(fstatSync(overlay.fd).isDirectory()).toBe(true);
    overlay.unmountSync();
  });

  test.each(forms)('that has ended says so, and keeps what it was ($name)', async (form) => {
    const spec = scratchDirectory().layers();
    for (const target of [spec.target, undefined]) {
      const overlay = await form.mount({ ...spec, target: target as string });
      await form.end(overlay);
      expect(overlay).toMatchObject({ attached: false, via: 'fsopen', fallbacks: [] });
      expect(overlay.spec.upper).toBe(spec.upper);
      const ended = { code: 'ERR_OVERLAY_ENDED' };
      expect(await errorOf(() => overlay.fd)).toMatchObject(ended);
      expect(await errorOf(() => form.attach(overlay, spec.target))).toMatchObject(ended);
      if (target === undefined) expect(await errorOf(() => overlay.path)).toMatchObject(ended);
    }
  });

  test('is that of the spec as it was given, whatever becomes of that', async () => {
    const spec = scratchDirectory().layers({ lower: 2 });
    const given = { lower: [...spec.lower], options: { xino: 'off' } as { xino: 'on' | 'off' } };
    const making = mount(given);
    given.lower.push('/nowhere');
    given.options.xino = 'on';
    const overlay = await making;
    expect(overlay.spec).toEqual({ lower: spec.lower, options: { xino: 'off' } });
    await overlay.unmount();
  });

  describe.each(forms)('attach, $name', (form) => {
    const detached = () => {
      const scratch = scratchDirectory();
      const { target, ...spec } = scratch.layers();
      return { scratch, target, overlay: mountSync(spec) };
    };

    test('refuses what cannot be a target, and stays detached', async () => {
      const { scratch, target, overlay } = detached();
      const file = scratch.file('file');
      for (const [path, code] of [
        [scratch.join('missing'), 'ERR_OVERLAY_NOT_FOUND'],
        [file, 'ERR_OVERLAY_NOT_DIRECTORY'],
        [undefined, 'ERR_OVERLAY_INVALID_TYPE'],
        [{ fd: 1 }, 'ERR_OVERLAY_INVALID_TYPE'],
        ['', 'ERR_OVERLAY_EMPTY_PATH'],
        ['a\0', 'ERR_OVERLAY_NUL_BYTE'],
        ['~/m', 'ERR_OVERLAY_TILDE'],
        [overlay.path, 'ERR_OVERLAY_FOREIGN_TARGET'],
        [`${overlay.path}/shared`, 'ERR_OVERLAY_NOT_DIRECTORY'],
      ] as const) {
        expect(await errorOf(() => form.attach(overlay, path as string))).toMatchObject({
          code,
          option: 'target',
        });
        expect(overlay.attached).toBe(false);
        expect(readdirSync(overlay.path)).toContain('shared');
      }
      await form.attach(overlay, target);
      overlay.unmountSync();
    });

    test('refuses a second target', async () => {
      const { scratch, target, overlay } = detached();
      await form.attach(overlay, target);
      expect(await errorOf(() => form.attach(overlay, scratch.directory('other')))).toMatchObject({
        code: 'ERR_OVERLAY_ATTACHED',
        option: 'target',
      });
      expect(entryAt(target)).toBeDefined();
      overlay.unmountSync();
    });

    test('is the end of it when somebody else unmounts it', async () => {
      const { target, overlay } = detached();
      await form.attach(overlay, target);
      run('umount', '--lazy', target);
      await form.end(overlay);
      expect(entryAt(target)).toBeUndefined();
    });
  });

  test('gets its propagation by path when it is attached on a kernel without mount_setattr', () => {
    const { target, ...spec } = scratchDirectory().layers();
    const script = `
      import { listSync, mountSync } from 'overlayfs';
      const overlay = mountSync(${JSON.stringify({ ...spec, propagation: 'shared' })});
      overlay.attachSync('${target}');
      console.log(JSON.stringify(listSync().filter((entry) => entry.target === '${target}').map(({ propagation }) => propagation)));
      overlay.unmountSync();`;
    expect(printedJson(runFaked(kernels.withoutMountSetattr, script))).toEqual(['shared']);
    expect(entryAt(target)).toBeUndefined();
  });
});
