import { symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import {
  entriesIn,
  isWhiteout,
  lookAtEntries,
  namesOf,
  placeInLowers,
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
  const scratch = scratchDirectory();
  const [upper, moved] = [scratch.directory('u'), scratch.directory('u/moved/same')];
  runSync(call('mknodat', AT_FDCWD, `${upper}/gone`, 0o020000, 0));
  const note = (path: string, value: string) => {
    const fd = runSync(call('openat', AT_FDCWD, path, 0, 0));
    runSync(call('setxattr', fd, 'trusted.overlay.redirect', Buffer.from(value), 0));
    close(fd);
  };
  note(`${upper}/moved`, '/old/place');
  note(moved, 'other');
  const [gone, redirected] = runSync(entriesIn(at(upper), places('gone', 'moved'), 'trusted'));
  expect([isWhiteout(gone!), isWhiteout(redirected!)]).toEqual([true, false]);
  expect(redirected!.notes).toEqual({
    metacopy: undefined,
    redirect: Buffer.from('/old/place'),
    origin: undefined,
  });
  const below = (place: string) =>
    runSync(placeInLowers(at(upper), Buffer.from(place), 'trusted')).toString();
  expect(['', 'a/b', 'moved', 'moved/x', 'moved/same/x'].map(below)).toEqual([
    ...['', 'a/b', 'old/place', 'old/place/x', 'old/place/other/x'],
  ]);
  expect(runSync(placeInLowers(undefined, Buffer.from('moved'), 'trusted')).toString()).toBe('moved');
});
