// The page size, read from the auxiliary vector.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pageSizeOf } from '../../../lib/kernel/features/page-size.ts';

test('reads the page size that the system has', () => {
  const size = Number(spawnSync('getconf', ['PAGESIZE'], { encoding: 'utf8' }).stdout);
  expect(pageSizeOf(readFileSync('/proc/self/auxv'))).toBe(size);
  expect(pageSizeOf(Buffer.alloc(32))).toBeUndefined();
});
