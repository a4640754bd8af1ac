import { expect, test } from 'vitest';
import { about, applyRules } from '../../lib/diagnosis/rule.ts';
import { directory, facts } from './facts.ts';

test('gives the findings of all rules in their order, each with its code and errnos', () => {
  const finding = about(directory('/l', 'lower'), 'is wrong', 'make it right');
  const rules = ['ONE', 'NONE', 'TWO'].map((code, i) => ({
    code,
    errnos: [i],
    find: () => (code === 'NONE' ? [] : [finding]),
  }));
  const expected = {
    sentence: 'lower 0 ("/l"): is wrong',
    hint: 'make it right',
    option: 'lower',
    index: 0,
    path: '/l',
  };
  expect(applyRules(rules, facts())).toEqual([
    { finding: { code: 'ONE', ...expected }, errnos: [0] },
    { finding: { code: 'TWO', ...expected }, errnos: [2] },
  ]);
});
