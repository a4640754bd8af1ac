// What somebody changed or deleted in the lower while an overlay changed it too: found in every kind of upper, as far as the kernel tells.
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import { apply } from '../../lib/change/apply.ts';
import { planApply } from '../../lib/change/plan-apply.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mount } from '../../lib/mount/mount.ts';
import { scratch } from '../../lib/mount/scratch.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { clockGoesOn } from '../support/filesystem-clock.ts';
import { bindfsMount, loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { isPrivileged, privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';

const FILES = ['edited', 'attributes', 'removed', 'renamed', 'dir/inner', 'dir/other', 'gone/deep/file'];

function lowerOf(place: Scratch): string {
  for (const name of FILES) place.file(`lower/${name}`, name);
  place.file('lower/two', 'two');
  linkSync(place.join('lower/two'), place.join('lower/names'));
  symlinkSync('edited', place.join('lower/link'));
  return place.join('lower');
}

/** As an overlay may be changed. */
function change(root: string): void {
  writeFileSync(`${root}/edited`, 'by the overlay');
  chmodSync(`${root}/attributes`, 0o600);
  rmSync(`${root}/removed`);
  renameSync(`${root}/renamed`, `${root}/new-name`);
  renameSync(`${root}/gone/deep/file`, `${root}/moved`);
  rmSync(`${root}/gone`, { recursive: true });
  writeFileSync(`${root}/dir/inner`, 'inner by the overlay');
  writeFileSync(`${root}/dir/new`, 'new');
  mkdirSync(`${root}/made`);
  writeFileSync(`${root}/made/file`, 'made');
}

const ways = [true, false].filter((rootless) => rootless || isPrivileged());
const conflicts = async (source: Parameters<typeof planApply>[0], lower: string) =>
  (await planApply(source)).conflicts.map(({ sentence }) => sentence.replace(`${lower}/`, '')).sort();

const CHANGED = 'was changed since the overlay was made';
const COPIED = 'was changed after the overlay had copied it';
const GONE = 'was there when it was changed, and is gone: somebody has deleted or renamed it';

describe.each(ways)('rootless %s', (rootless) => {
  test.each(['in memory', 'on disk', 'kept as an upper'])(
    '%s: what somebody else changed is a conflict, and nothing else is',
    async (kind) => {
      if (rootless) needUserNamespaces();
      const place = scratchDirectory();
      const lower = lowerOf(place);
      const upperOn = kind === 'in memory' ? {} : { upperOn: place.directory('disk') };
      await using view = await scratch(lower, { rootless, ...upperOn });
      change(view.path);
      await clockGoesOn();
      // Nobody is concerned with these.
      writeFileSync(`${lower}/dir/other`, 'theirs');
      writeFileSync(`${lower}/theirs`, 'theirs');
      if (kind === 'kept as an upper') await view.keep(place.join('kept'), { as: 'upper' });
      const kept = { lower, upper: place.join('kept'), ...(rootless && { options: { userxattr: true } }) };
      const source = kind === 'kept as an upper' ? kept : view.layers;
      expect(await conflicts(source, lower)).toEqual([]);
      writeFileSync(`${lower}/edited`, 'by somebody else');
      appendFileSync(`${lower}/removed`, '!');
      expect(await conflicts(source, lower)).toEqual([`edited ${CHANGED}`, `removed ${CHANGED}`]);
      await expect(apply(source)).rejects.toMatchObject({ code: 'ERR_OVERLAY_CONFLICT' });
      expect(readFileSync(`${lower}/edited`, 'utf8')).toBe('by somebody else');
      await apply(source, { force: true });
      expect([readFileSync(`${lower}/edited`, 'utf8'), existsSync(`${lower}/removed`)]).toEqual([
        'by the overlay',
        false,
      ]);
    },
  );

  test('what was changed between the making of an overlay and its copy is found in what was kept of it', async () => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const lower = lowerOf(place);
    await using view = await scratch(lower, { rootless });
    await clockGoesOn();
    writeFileSync(`${lower}/edited`, 'by somebody else');
    await clockGoesOn();
    writeFileSync(`${view.path}/edited`, 'by the overlay');
    await view.keep(place.join('kept'), { as: 'upper' });
    const options = rootless ? { userxattr: true } : {};
    expect(await conflicts({ lower, upper: place.join('kept'), options }, lower)).toEqual([
      `edited ${CHANGED}`,
    ]);
  });

  test('what somebody deleted or renamed is a conflict where it was changed, and a rename in the overlay is none', async () => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const lower = lowerOf(place);
    await using view = await scratch(lower, { rootless });
    change(view.path);
    expect(await conflicts(view.layers, lower)).toEqual([]);
    renameSync(`${lower}/dir`, `${lower}/their-name`);
    // Without root a file is only known to be a copy: here any of those that are gone may be its original.
    expect(await conflicts(view.layers, lower)).toEqual([
      `dir ${GONE}`,
      ...(rootless ? [] : [`dir/inner ${GONE}`]),
    ]);
    rmSync(`${lower}/attributes`);
    const found = await conflicts(view.layers, lower);
    if (!rootless) expect(found).toContain(`attributes ${GONE}`);
    expect(found).not.toContain(`new-name ${GONE}`);
    expect((await planApply(view.layers, { paths: ['made'] })).conflicts).toEqual([]);
    await expect(apply(view.layers)).rejects.toMatchObject({ code: 'ERR_OVERLAY_CONFLICT' });
    expect(existsSync(`${lower}/dir`)).toBe(false);
    await apply(view.layers, { force: true });
    expect(readFileSync(`${lower}/dir/inner`, 'utf8')).toBe('inner by the overlay');
  });

  test('where the overlay removed nothing, a deleted file is found by the mere note of a copy', async () => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const lower = lowerOf(place);
    await using view = await scratch(lower, { rootless });
    writeFileSync(`${view.path}/edited`, 'by the overlay');
    writeFileSync(`${view.path}/new`, 'new');
    linkSync(`${view.path}/edited`, `${view.path}/second-name`);
    expect(await conflicts(view.layers, lower)).toEqual([]);
    rmSync(`${lower}/edited`);
    // Once, by one of its names.
    expect(await conflicts(view.layers, lower)).toEqual([
      expect.stringMatching(/^(edited|second-name) was there/),
    ]);
  });

  test('the kernel does not tell of files with several names, nor without root of links', async () => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const lower = lowerOf(place);
    await using view = await scratch(lower, { rootless });
    writeFileSync(`${view.path}/two`, 'by the overlay');
    // A copy is made of it, whatever is changed.
    linkSync(`${view.path}/link`, `${view.path}/second-link`);
    expect(lstatSync(`${view.path}/second-link`).isSymbolicLink()).toBe(true);
    for (const name of ['two', 'names', 'link']) rmSync(`${lower}/${name}`);
    expect(await conflicts(view.layers, lower)).toEqual(
      rootless ? [] : [expect.stringMatching(/^(link|second-link) was there/)],
    );
  });
});

async function used(place: Scratch, use: (root: string) => void, options: MountSpec['options'] = {}) {
  const lower = lowerOf(place);
  const spec = { lower, upper: place.directory('upper'), work: place.directory('work'), options } as const;
  const overlay = await mount(spec);
  use(overlay.path);
  await overlay.unmount();
  return { lower, spec };
}

describe('an upper of which nobody knows when it was begun', () => {
  privileged('tells by each copy what was changed after it', async () => {
    const { lower, spec } = await used(scratchDirectory(), change);
    expect(await conflicts(spec, lower)).toEqual([]);
    await clockGoesOn();
    writeFileSync(`${lower}/edited`, 'by somebody else');
    chownSync(`${lower}/attributes`, 5, 5);
    // Of what the overlay deleted or made anew the kernel notes nothing.
    appendFileSync(`${lower}/removed`, '!');
    expect(await conflicts(spec, lower)).toEqual([`attributes ${COPIED}`, `edited ${COPIED}`]);
    await apply(spec, { force: true });
    expect(await conflicts(spec, lower)).toEqual([]);
  });

  privileged(
    'tells of renamed directories whose original is gone, and not of those that are there',
    async () => {
      const rename = (root: string) => {
        renameSync(`${root}/dir`, `${root}/elsewhere`);
        writeFileSync(`${root}/elsewhere/inner`, 'by the overlay');
      };
      const { lower, spec } = await used(scratchDirectory(), rename, { redirectDir: 'on', metacopy: true });
      expect(await conflicts(spec, lower)).toEqual([]);
      rmSync(`${lower}/dir`, { recursive: true });
      expect(await conflicts(spec, lower)).toContain(`elsewhere ${GONE}`);
    },
  );
});

describe('on other filesystems than that of the temporary directory', () => {
  test.each([
    ['ext4', () => loopFilesystem('ext4').path, true],
    ['xfs', () => loopFilesystem('xfs').path, true],
    ['btrfs', () => loopFilesystem('btrfs').path, true],
    ['tmpfs', () => tmpfsMount().path, true],
    ['FUSE', (place: Scratch) => bindfsMount(place.directory('real'), { scratch: place }).path, false],
  ] as const)(
    '%s: a rename in the overlay is no conflict, what somebody deleted is one',
    async (_, make, tellsWhich) => {
      const place = scratchDirectory();
      const lower = make(place);
      for (const name of ['edited', 'renamed', 'dir/inner', 'removed']) {
        mkdirSync(`${lower}/dir`, { recursive: true });
        writeFileSync(`${lower}/${name}`, name);
      }
      const view = await scratch(lower);
      writeFileSync(`${view.path}/edited`, 'by the overlay');
      expect(await conflicts(view.layers, lower)).toEqual([]);
      rmSync(`${lower}/edited`);
      // Nothing was taken away that it could come from, so that the mere note of a copy is enough.
      expect(await conflicts(view.layers, lower)).toEqual([`edited ${GONE}`]);
      renameSync(`${view.path}/renamed`, `${view.path}/new-name`);
      renameSync(`${view.path}/dir/inner`, `${view.path}/moved`);
      writeFileSync(`${view.path}/dir/inner`, 'another');
      rmSync(`${view.path}/removed`);
      expect(await conflicts(view.layers, lower)).toEqual(tellsWhich ? [`edited ${GONE}`] : []);
      await view.unmount();
    },
  );
});
