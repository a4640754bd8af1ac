// The overlay mounts of this namespace: the same from statmount(2) and from mountinfo, and honest where one is missing.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD, STATX_MNT_ID, STATX_MNT_ID_UNIQUE } from '../../lib/kernel/constants.ts';
import { listMountIds } from '../../lib/kernel/mount-places.ts';
import { readOverlays, readOverlayTable } from '../../lib/kernel/mount-table.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { decodeStat } from '../../lib/kernel/stat.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const uniqueIdOf = (path: string) =>
  decodeStat(callSync('statx', AT_FDCWD, path, 0, STATX_MNT_ID | STATX_MNT_ID_UNIQUE)).mountId;

test('lists all mounts, ascending', () => {
  const ids = runSync(listMountIds());
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n').length;
  expect(Math.abs(ids.length - lines)).toBeLessThan(10); // others mount meanwhile
  expect(ids).toEqual([...ids].sort((a, b) => (a < b ? -1 : 1)));
  expect(ids).toContain(uniqueIdOf('/'));
});

describePrivileged('an overlay', () => {
  test('is described alike by both sources, with its unique id', async () => {
    const spec = scratchDirectory().layers({ lower: 3 });
    using _overlay = mountSync({
      ...spec,
      attributes: { nosuid: true },
      options: { xino: 'on' },
      source: 'a b',
    });
    const id = uniqueIdOf(spec.target);
    const find = (entries: readonly { target: Buffer }[]) =>
      entries.find(({ target }) => target.equals(Buffer.from(spec.target)));
    const one = find(runSync(readOverlayTable('statmount')));
    const two = find(await runAsync(readOverlayTable('mountinfo')));
    expect(one).toMatchObject({ uniqueId: id, source: Buffer.from('a b') });
    expect(two).toEqual(one);
    expect(find(runSync(readOverlayTable()))).toEqual(one);
  });

  test('that another mount covers has no unique id in mountinfo, rather than a wrong one', () => {
    const spec = scratchDirectory().layers();
    const overlay = mountSync(spec);
    run('mount', '-t', 'tmpfs', 'cover', spec.target);
    const entry = runSync(readOverlayTable('mountinfo')).find(
      ({ target }) => target.toString() === spec.target,
    );
    expect(entry?.uniqueId).toBeUndefined();
    run('umount', spec.target);
    overlay.unmountSync();
  });

  test('with options that fill many pages is read whole', () => {
    const scratch = scratchDirectory();
    const lower = Array.from({ length: 200 }, (_, i) => scratch.directory(`${i}-`.padEnd(200, 'x')));
    using overlay = mountSync({ lower, target: scratch.directory('target') });
    const entry = runSync(readOverlayTable('statmount')).find(
      ({ target }) => target.toString() === overlay.path,
    );
    expect(entry?.overlay.lower.map(String)).toEqual(lower);
  });

  test('that has gone meanwhile, and what is no overlay, are left out', () => {
    const spec = scratchDirectory().layers();
    const overlay = mountSync(spec);
    const gone = uniqueIdOf(spec.target);
    expect(runSync(readOverlays([gone]))).toHaveLength(1);
    overlay.unmountSync();
    expect(runSync(readOverlays([gone, uniqueIdOf('/proc')]))).toEqual([]);
  });
});

describePrivileged('where statmount', () => {
  const script = `
    import { listSync, mountSync } from 'overlayfs';
    const { target, ...spec } = JSON.parse(process.argv[1]);
    const overlay = mountSync({ ...spec, target });
    console.log(JSON.stringify(listSync().filter((entry) => entry.target === target).map(({ upper }) => upper)));
    overlay.unmountSync();`;

  describe.each([
    ['and listmount are missing', kernels.withoutStatmount],
    ['alone is refused', ['statmount=EPERM']],
    ['alone is missing', ['statmount=ENOSYS']],
    ['runs out of memory', ['statmount=ENOMEM']],
  ] as const)('%s', (_, rules) => {
    test('mountinfo is read instead of nothing', () => {
      const spec = scratchDirectory().layers();
      expect(printedJson(runFaked(rules, script, { args: [JSON.stringify(spec)] }))).toEqual([spec.upper]);
    });
  });
});
