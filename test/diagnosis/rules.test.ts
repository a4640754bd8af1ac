// All rules: documented, and quiet when nothing is wrong.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DANGER_RULES } from '../../lib/diagnosis/danger-rules.ts';
import { RULES } from '../../lib/diagnosis/rules.ts';
import { codes } from './facts.ts';

test('every code is documented', () => {
  const documented = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const missing = [...RULES, ...DANGER_RULES].filter(({ code }) => !documented.includes(`\`${code}\``));
  expect(missing.map(({ code }) => code)).toEqual([]);
});
test('every rule is there once', () => {
  expect(new Set(RULES).size).toBe(RULES.length);
});
test('an ordinary mount fits none', () => {
  expect(codes(RULES, {})).toEqual([]);
});
