import { expect, test } from 'vitest';
import { about, pathOf, quote } from '../../lib/diagnosis/run-time-rule.ts';
import { runTimeFacts } from './run-time-facts.ts';

test('a finding is about the path of the error, if it has one', () => {
  const facts = runTimeFacts(1);
  expect(about(facts, 's', 'h')).toEqual({ sentence: 's', hint: 'h', path: '/m/d/f' });
  const without = { ...facts, failure: { ...facts.failure, path: undefined } };
  expect(about(without, 's', 'h')).toEqual({ sentence: 's', hint: 'h' });
  expect([pathOf(facts), pathOf(without), quote(Buffer.from('a"'))]).toEqual([
    '"/m/d/f"',
    'the file',
    '"a\\""',
  ]);
});
