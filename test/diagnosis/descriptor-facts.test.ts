import { expect, test } from 'vitest';
import { lookAtDescriptors, openFilesLimit } from '../../lib/diagnosis/descriptor-facts.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';

test('reads the soft limit', () => {
  const text =
    'Limit  Soft Limit  Hard Limit  Units\nMax open files            64                 4096      files\n';
  expect(openFilesLimit(text)).toBe(64);
  expect(openFilesLimit('')).toBeUndefined();
});
test('looks at this process, in both forms', async () => {
  for (const facts of [runSync(lookAtDescriptors()), await runAsync(lookAtDescriptors())]) {
    expect(facts).toMatchObject({ none: false, open: expect.any(Number), limit: expect.any(Number) });
    expect(facts.open).toBeLessThan(facts.limit!);
  }
});
