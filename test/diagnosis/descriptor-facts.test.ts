// How many descriptors are open, counted in one program or by a whole listing.
import { closeSync, openSync, readFileSync } from 'node:fs';
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
  const limits = readFileSync('/proc/self/limits');
  for (const facts of [runSync(lookAtDescriptors(limits)), await runAsync(lookAtDescriptors(limits))]) {
    expect(facts).toMatchObject({ none: false, open: expect.any(Number), limit: expect.any(Number) });
    expect(facts.open).toBeLessThan(facts.limit!);
  }
});

test('counts as many as there are, also more than fit into one listing', () => {
  const before = runSync(lookAtDescriptors(undefined)).open!;
  const held = Array.from({ length: 1500 }, () => openSync('/dev/null', 'r'));
  expect(runSync(lookAtDescriptors(undefined)).open! - before).toBe(1500);
  for (const fd of held) closeSync(fd);
  expect(runSync(lookAtDescriptors(undefined)).open).toBe(before);
});
