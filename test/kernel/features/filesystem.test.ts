// Names of filesystems; facts and room of real ones are held by directory.test.ts.
import { expect, test } from 'vitest';
import { typeOf } from '../../../lib/kernel/features/filesystem.ts';

test('names a filesystem by its number where mountinfo does not know the mount', () => {
  expect(typeOf([], 1, 0x794c7630)).toBe('overlay');
  expect(typeOf([], 1, 0x12345)).toBeUndefined();
});
