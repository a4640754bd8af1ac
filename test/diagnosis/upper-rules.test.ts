import { expect, test } from 'vitest';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { PAIR_RULES, UPPER_RULES } from '../../lib/diagnosis/upper-rules.ts';
import type { Abilities } from '../../lib/kernel/features/abilities.ts';
import { no, unknown, yes } from '../../lib/kernel/features/answer.ts';
import { type Changes, codes, directory } from './facts.ts';

const { filesystem } = directory('/', 'upper');
const upper = (path: string, changes: Parameters<typeof directory>[2] = {}) =>
  directory(path, 'upper', changes);
const work = (path: string, changes: Parameters<typeof directory>[2] = {}) =>
  directory(path, 'work', changes);
const one = upper('/x');
const fine: Abilities = {
  writable: yes(''),
  dType: yes(''),
  trustedXattr: yes(''),
  userXattr: yes(''),
  renameWhiteout: yes(''),
  tmpfile: no('does not matter'),
  fileHandles: no('does not matter'),
};
const able = (changes: Partial<Abilities>) => ({
  upperFacts: { ...NO_UPPER, abilities: { ...fine, ...changes } },
});
const userxattr = { asked: { parameters: [{ key: 'userxattr' }] } };

test.each<[string, Changes, string[]]>([
  ['nothing wrong', {}, []],
  ['no upper', { upper: undefined, work: undefined }, []],
  ['a missing upper', { upper: { subject: one.subject, errno: 2 } }, []],
  ['one directory', { upper: one, work: work('/x', { identity: one.identity }) }, ['UPPER_IS_WORK work']],
  [
    'an overlay below',
    { work: work('/w', { filesystem: { ...filesystem, type: 0x794c7630 } }) },
    ['UPPER_ON_OVERLAY work'],
  ],
  ['something read-only', { upper: upper('/u', { readOnly: true }) }, ['UPPER_READ_ONLY upper']],
  ['another mount', { work: work('/w', { stat: { mountId: 21n } }) }, ['WORK_ON_OTHER_MOUNT work']],
  ['work in upper', { work: work('/u/w') }, ['WORK_IN_UPPER work']],
  ['upper in work', { upper: upper('/w/u') }, ['WORK_IN_UPPER upper']],
  ['a mark', { upperFacts: { ...NO_UPPER, incompatible: ['volatile'] } }, ['INCOMPATIBLE_WORK work']],
  ['an unknown mark', { upperFacts: { ...NO_UPPER, incompatible: ['new'] } }, ['INCOMPATIBLE_WORK work']],
  ['a remote filesystem that can do it', able({}), []],
  ['one without whiteouts', able({ renameWhiteout: no('renameat2 answers EINVAL') }), ['UPPER_UNFIT upper']],
  ['one without file types', able({ dType: no('none') }), ['UPPER_UNFIT upper']],
  ['one without trusted attributes', able({ trustedXattr: no('none') }), ['UPPER_UNFIT upper']],
  ['one without trusted attributes, unused', { ...able({ trustedXattr: no('none') }), ...userxattr }, []],
  ['one that could not be tried', able({ renameWhiteout: unknown('not tried') }), []],
])('%s', (_, changes, expected) => {
  expect(codes([...UPPER_RULES, ...PAIR_RULES], changes)).toEqual(expected);
});
