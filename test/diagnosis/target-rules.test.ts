import { expect, test } from 'vitest';
import { TARGET_RULES } from '../../lib/diagnosis/target-rules.ts';
import { EINVAL } from '../../lib/kernel/errno.ts';
import { type Changes, codes, directory } from './facts.ts';

test.each<[string, Changes, string[]]>([
  ['a target', {}, []],
  ['none', { target: undefined }, []],
  ['one that is not there', { target: { subject: { option: 'target' }, errno: 2 } }, []],
  [
    'one that was removed',
    { target: directory('/t', 'target', { stat: { links: 0 } }) },
    ['TARGET_REMOVED target'],
  ],
  [
    'one on a mount of another namespace',
    { target: directory('/t', 'target', { mount: undefined, cloneErrno: EINVAL }) },
    ['FOREIGN_TARGET target'],
  ],
  [
    'one on a mount of no table that can be used',
    { target: directory('/t', 'target', { mount: undefined }) },
    [],
  ],
  [
    'the same, and mount(2)',
    { target: directory('/t', 'target', { mount: undefined }), asked: { via: 'mount' } },
    ['FOREIGN_TARGET target'],
  ],
])('%s', (_, changes, expected) => {
  expect(codes(TARGET_RULES, changes)).toEqual(expected);
});
