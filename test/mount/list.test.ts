// What list() says of overlays, whoever mounted them, and that it says what it cannot know.
import { describe, expect, test } from 'vitest';
import { runSync } from '../../lib/kernel/routine.ts';
import { listRoutine, listSync } from '../../lib/mount/list.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable, entryAt, forms } from './forms.ts';

/** The same from both sources. */
function entryOf(target: string) {
  const [one, two] = (['statmount', 'mountinfo'] as const).map((source) =>
    runSync(listRoutine(source)).find((entry) => entry.target === target),
  );
  expect(one).toEqual(two);
  return one!;
}

describePrivileged('list', () => {
  test.each(forms)('has the words of the spec ($name)', async (form) => {
    const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
    const spec = {
      lower,
      upper,
      work,
      target,
      source: 'mine',
      attributes: { nodev: true, noatime: true },
    } as const;
    using _overlay = mountSync({ ...spec, options: { metacopy: true } });
    const entry = (await form.list()).find((each) => each.target === target);
    expect(comparable(entry)).toEqual({
      ...spec,
      data: [],
      options: { metacopy: true, redirectDir: 'on', uuid: 'on' },
      propagation: 'private',
      readOnly: false,
      root: '/',
      unknown: [],
    });
  });

  test('tells a bind mount of a part by its root', () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    using _overlay = mountSync(spec);
    const part = scratch.directory('part');
    run('mount', '--bind', `${spec.target}/dir`, part);
    expect(entryOf(part)).toMatchObject({ root: '/dir', upper: spec.upper });
  });

  test('tells a filesystem that is read-only from a mount that is', () => {
    const { lower, upper, work, target } = scratchDirectory().layers();
    run(
      'mount',
      '-t',
      'overlay',
      'o',
      '-o',
      `ro,lowerdir=${lower},upperdir=${upper},workdir=${work}`,
      target,
    );
    expect(entryOf(target)).toMatchObject({ readOnly: true, attributes: { readOnly: true } });
  });

  describe('what it cannot know', () => {
    const mounted = (directory: string, lowers: string, target: string) =>
      run('sh', '-c', `cd '${directory}' && mount -t overlay o -o 'lowerdir=${lowers}' '${target}'`);

    test('a relative layer', () => {
      const scratch = scratchDirectory();
      const { target } = scratch.layers({ lower: 2 });
      mounted(scratch.path, 'lower0:lower1', target);
      expect(entryOf(target)).toMatchObject({
        lower: ['lower0', 'lower1'],
        unknown: [
          { option: 'lower', index: 0, shown: 'lower0', reason: expect.stringContaining('relative') },
          { option: 'lower', index: 1, shown: 'lower1', reason: expect.stringContaining('relative') },
        ],
      });
    });

    test("a descriptor's number", () => {
      const { lower, target } = scratchDirectory().layers({ lower: 2 });
      run(
        'sh',
        '-c',
        `exec 8<'${lower[0]}'; mount -t overlay o -o 'lowerdir=/proc/self/fd/8:${lower[1]}' '${target}'`,
      );
      expect(entryOf(target).unknown).toMatchObject([
        { index: 0, reason: expect.stringContaining('descriptor') },
      ]);
    });

    test('a layer that is attached nowhere, or is the root', () => {
      const { lower, target } = scratchDirectory().layers();
      const view = mountSync({ lower: [lower[0]!, '/etc'] });
      const onView = mountSync({ lower: [{ fd: view.fd }, lower[0]!], target });
      expect(entryOf(target).unknown).toMatchObject([
        { index: 0, shown: '/', reason: expect.stringContaining('nowhere') },
      ]);
      onView.unmountSync();
      view.unmountSync();
    });
  });

  test("keeps a user's lower that is named like our empty directory", () => {
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers();
    const names = ['overlayfs-empty-lower', 'overlayfs-empty-lower-backup', 'overlayfs-empty-lower-aB3dE6'];
    const own = names.map((name) => scratch.directory(name));
    for (const path of own) {
      using _overlay = mountSync({ lower: [lower[0]!, path], target });
      expect(entryOf(target).lower).toEqual([lower[0], path]);
    }
    using _view = mountSync({ lower: own[2]!, target });
    expect(entryOf(target).lower).toEqual([own[2]]);
  });

  test('lists no detached overlay, nor what is no overlay', () => {
    const { lower } = scratchDirectory().layers();
    const { path } = tmpfsMount();
    using overlay = mountSync({ lower });
    const targets = listSync().map(({ target }) => String(target));
    expect(targets).not.toContain(path);
    expect(targets).not.toContain(overlay.path);
    expect(entryAt('/')).toBeUndefined();
  });
});
