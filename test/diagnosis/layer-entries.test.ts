import { symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  type Entry,
  entriesIn,
  isWhiteout,
  lookAtEntries,
  namesBelow,
  namesOf,
  placeOfNames,
} from '../../lib/diagnosis/layer-entries.ts';
import { call, close } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const at = (path: string) => ({ option: 'upper', path, absolute: path });
const places = (...names: string[]) => names.map((name) => Buffer.from(name));

test('names and places', () => {
  const bytes = Buffer.concat([Buffer.from('//a/'), Buffer.of(0xff), Buffer.from('/')]);
  expect(namesOf(bytes)).toEqual([Buffer.from('a'), Buffer.of(0xff)]);
  expect(placeOfNames(namesOf(bytes))).toEqual(Buffer.from([0x61, 0x2f, 0xff]));
});
test('what is there, links not followed and nothing outside', () => {
  const scratch = scratchDirectory();
  scratch.file('l/d/f', 'four');
  symlinkSync('..', scratch.join('l/out'));
  const [root, file, link, beyond, none] = runSync(
    entriesIn(at(scratch.join('l')), places('', 'd/f', 'out', 'out/l', 'none'), 'trusted'),
  );
  expect(root!.stat.isDirectory).toBe(true);
  expect(file!.size).toBe(4);
  expect(link!.stat.mode & 0o170000).toBe(0o120000);
  expect([beyond, none]).toEqual([undefined, undefined]);
  expect(runSync(entriesIn(at('/no/such'), places('a'), 'trusted'))).toEqual([undefined]);
  expect(runSync(lookAtEntries([-2], 'user'))).toEqual([undefined]);
});
privileged('whiteouts and notes', () => {
  const upper = scratchDirectory().directory('u');
  runSync(call('mknodat', AT_FDCWD, `${upper}/gone`, 0o020000, 0));
  runSync(call('mkdirat', AT_FDCWD, `${upper}/moved`, 0o755));
  const fd = runSync(call('openat', AT_FDCWD, `${upper}/moved`, 0, 0));
  runSync(call('setxattr', fd, 'trusted.overlay.redirect', Buffer.from('/old/place'), 0));
  close(fd);
  const [gone, redirected] = runSync(entriesIn(at(upper), places('gone', 'moved'), 'trusted'));
  expect([isWhiteout(gone!), isWhiteout(redirected!)]).toEqual([true, false]);
  expect(redirected!.notes).toEqual({
    metacopy: undefined,
    redirect: Buffer.from('/old/place'),
    origin: undefined,
  });
});

test('redirects on the way are followed: a name beside, a path from the root', () => {
  const names = (place: string) => namesOf(Buffer.from(place));
  const noted = (redirect?: string) =>
    ({ notes: { redirect: redirect === undefined ? undefined : Buffer.from(redirect) } }) as Entry;
  const below = (place: string, redirects: (string | undefined)[]) =>
    placeOfNames(namesBelow(names(place), redirects.map(noted))).toString();
  expect(below('a/b/c', [undefined, undefined, undefined])).toBe('a/b/c');
  expect(below('a/b/c', [undefined, 'old', undefined])).toBe('a/old/c');
  expect(below('a/b/c', ['x', '/y/z', undefined])).toBe('y/z/c');
  expect(placeOfNames(namesBelow(names('a/b'), [undefined, undefined])).toString()).toBe('a/b');
});
