// The changes of a real fork as a test compares them: plain, in order, without what follows from others.
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { expect, test } from 'vitest';
import { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import { forkChanges } from '../../lib/testing/fork-changes.ts';
import { overlayFixture } from '../../lib/testing/index.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { clockGoesOn } from '../support/filesystem-clock.ts';
import { isPrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const ways = [true, false].filter((rootless) => rootless || isPrivileged());

test.each(ways)('rootless %s: sorted by path, times left out unless asked for', async (rootless) => {
  if (rootless) needUserNamespaces();
  const place = scratchDirectory();
  for (const name of ['b/one', 'b/two', 'b-c', 'same', 'touched', 'z']) place.file(`lower/${name}`, name);
  const fixture = overlayFixture(place.join('lower'), { rootless, pool: 0 });
  const fork = await fixture.fork();
  expect(await fork.changes({ times: true })).toEqual([]);
  await clockGoesOn();
  for (const name of ['new', 'a']) writeFileSync(fork.join(name), '');
  rmSync(fork.join('b/one'));
  appendFileSync(fork.join('b-c'), '!');
  writeFileSync(fork.join('same'), 'same');
  utimesSync(fork.join('touched'), 1, 1);
  chmodSync(fork.join('z'), 0o600);
  mkdirSync(fork.join('b/dir'));
  symlinkSync('a', fork.join('b/link'));
  const plain = [
    { kind: 'added', path: 'a', type: 'file', what: [] },
    { kind: 'modified', path: 'b-c', type: 'file', what: ['content'] },
    { kind: 'added', path: 'b/dir', type: 'directory', what: [] },
    { kind: 'added', path: 'b/link', type: 'symlink', what: [] },
    { kind: 'deleted', path: 'b/one', type: 'file', what: [] },
    { kind: 'added', path: 'new', type: 'file', what: [] },
    { kind: 'modified', path: 'z', type: 'file', what: ['mode'] },
  ];
  for (let i = 0; i < 3; i++) expect(await fork.changes()).toEqual(plain);
  const timed = await fork.changes({ times: true });
  expect(timed.map(({ path, what }) => [path, ...what])).toEqual([
    ['a'],
    ['b', 'mtime'],
    ['b-c', 'content', 'mtime'],
    ['b/dir'],
    ['b/link'],
    ['b/one'],
    ['new'],
    ['same', 'mtime'],
    ['touched', 'mtime'],
    ['z', 'mode'],
  ]);
  await fork.close();
  await expect(fork.changes()).rejects.toMatchObject({ code: 'ERR_OVERLAY_ENDED' });
});

test('what is not known in full is an error', async () => {
  const finding = { code: 'ERR_OVERLAY_UNREADABLE', sentence: 'cannot be read', hint: 'none' };
  const part = {
    findings: [finding],
    complete: false,
    async *[Symbol.asyncIterator]() {},
  };
  await expect(forkChanges(part, {})).rejects.toBeInstanceOf(OverlayError);
});
