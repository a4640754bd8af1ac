import { expect, test } from 'vitest';
import { TARGET_RULES } from '../../lib/diagnosis/target-rules.ts';
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
])('%s', (_, changes, expected) => {
  expect(codes(TARGET_RULES, changes)).toEqual(expected);
});
