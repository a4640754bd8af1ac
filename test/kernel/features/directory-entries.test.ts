// Types of entries, read from the bytes of a listing.
import { expect, test } from 'vitest';
import { tellsTypes } from '../../../lib/kernel/features/directory-entries.ts';

test('reads the types of directory entries', () => {
  const entry = (name: string, type: number) => {
    const bytes = Buffer.alloc(24 + name.length - (name.length % 8) + 8);
    new Uint16Array(bytes.buffer, bytes.byteOffset + 16, 1)[0] = bytes.length;
    bytes[18] = type;
    bytes.write(name, 19);
    return bytes;
  };
  const dots = Buffer.concat([entry('.', 4), entry('..', 4)]);
  expect(tellsTypes(dots)).toBeUndefined();
  expect(tellsTypes(Buffer.concat([dots, entry('long-name-here', 8)]))).toBe(true);
  expect(tellsTypes(Buffer.concat([dots, entry('a', 8), entry('b', 0)]))).toBe(false);
});
