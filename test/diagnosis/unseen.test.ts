import { expect, test } from 'vitest';
import { unseenIn } from '../../lib/diagnosis/unseen.ts';
import { directory, facts } from './facts.ts';

test('everything could be looked at', () => {
  expect(unseenIn(facts())).toEqual([]);
});
test('each thing that could not', () => {
  const nothing = { uid: 0, capSysAdmin: undefined, initialUserNamespace: undefined };
  const descriptors = { open: undefined, limit: undefined, none: false };
  expect(unseenIn(facts({ mounts: [] }))).toEqual(['the mount table (/proc/self/mountinfo)']);
  expect(unseenIn(facts({ caller: nothing }))).toHaveLength(2);
  expect(unseenIn(facts({ driver: undefined }))).toEqual(['the list of filesystems (/proc/filesystems)']);
  expect(unseenIn(facts({ mountLimit: undefined }))).toEqual(['fs.mount-max']);
  expect(unseenIn(facts({ descriptors }))).toEqual(['how many files are open (/proc/self/fd)']);
});
test('a directory whose place is not known', () => {
  const lost = directory('/l', 'lower', { placeInFilesystem: undefined });
  expect(unseenIn(facts({ lower: [lost] }))).toEqual(['where the directories lie in their filesystems']);
});
test('a directory that is not there has no place to know', () => {
  const { subject } = directory('/l', 'lower');
  expect(unseenIn(facts({ lower: [{ subject, errno: 2 }] }))).toEqual([]);
});
