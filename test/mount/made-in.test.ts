// Places in which nothing can be made, for what scratch and keep make there: told with the reason, and nothing is left.
import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { scratch } from '../../lib/mount/scratch.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { isPrivileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { errorOf } from './forms.ts';

function readOnly(place: Scratch): string {
  const { path } = tmpfsMount({ scratch: place });
  run('mount', '-o', 'remount,ro', path);
  return path;
}

// One inode is the root's.
const full = (place: Scratch) => tmpfsMount({ inodes: 1, scratch: place }).path;

const places: [string, (place: Scratch) => string, kept: string, why: RegExp][] = [
  [
    'procfs',
    () => '/proc',
    'ERR_OVERLAY_NOT_MADE',
    /"\/proc"\): no directory can be made in it: mkdir answers ENOENT/,
  ],
  ['a read-only filesystem', readOnly, 'ERR_OVERLAY_LAYER_READ_ONLY', /read-only/],
  ['a full filesystem', full, 'ERR_OVERLAY_NO_SPACE', /no room/],
];

describe.each([false, true].filter((rootless) => rootless || isPrivileged()))('rootless %s', (rootless) => {
  test.each(places)('%s', async (_, make, kept, why) => {
    if (rootless) needUserNamespaces();
    const place = scratchDirectory();
    const upperOn = make(place);
    const before = existsSync(`${upperOn}/self`) ? [] : readdirSync(upperOn);
    const { lower } = place.layers({ upper: false, work: false });
    const view = await scratch(lower, { rootless });
    const open = openDescriptors();
    const refused = await errorOf(() => scratch(lower, { rootless, upperOn }));
    expect(refused).toMatchObject({ code: 'ERR_OVERLAY_NOT_MADE', option: 'upperOn', path: upperOn });
    expect(refused.message).toMatch(why);
    expect(await errorOf(() => view.keep(`${upperOn}/kept`))).toMatchObject({ code: kept });
    expect(openDescriptors()).toEqual(open);
    await view.unmount();
    if (upperOn !== '/proc') expect(readdirSync(upperOn)).toEqual(before);
  });
});
