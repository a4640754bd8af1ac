import { expect, test } from 'vitest';
import { xattrRecord, xattrsOf } from '../../../lib/format/tar/xattr-records.ts';
import fc from '../../support/fast-check.ts';

const xattr = (name: string, value: string) => ({
  name: Buffer.from(name, 'latin1'),
  value: Buffer.from(value, 'latin1'),
});
const record = (keyword: string, value: string) => ({ keyword, value: Buffer.from(value, 'latin1') });

test('binary and empty values stay as they are', () => {
  const records = [
    record('SCHILY.xattr.security.capability', '\x01\0\0\x02\xff'),
    record('SCHILY.xattr.user.e', ''),
  ];
  expect(xattrsOf(records)).toEqual([xattr('security.capability', '\x01\0\0\x02\xff'), xattr('user.e', '')]);
});

test('= in a name is written as GNU tar writes it, % only where it would be misread', () => {
  expect(xattrRecord(xattr('user.a=b', 'v')).keyword).toBe('SCHILY.xattr.user.a%3Db');
  expect(xattrRecord(xattr('user.100%', 'v')).keyword).toBe('SCHILY.xattr.user.100%');
  expect(xattrRecord(xattr('user.%3D', 'v')).keyword).toBe('SCHILY.xattr.user.%253D');
});

test("libarchive's own form is preferred, where bsdtar wrote both", () => {
  const records = [record('LIBARCHIVE.xattr.user.a%3Db%FF', 'dgD/'), record('SCHILY.xattr.user.a', 'b=v')];
  expect(xattrsOf(records)).toEqual([xattr('user.a=b\xff', 'v\0\xff')]);
});

test('the last of a name counts, and other records are none', () => {
  const records = [
    record('SCHILY.xattr.user.a', '1'),
    record('mtime', '5'),
    record('SCHILY.xattr.user.a', '2'),
  ];
  expect(xattrsOf(records)).toEqual([xattr('user.a', '2')]);
});

test('any name and value comes back', () => {
  const part = fc.oneof(
    fc.constantFrom('%', '=', '3D', '3d', '25', 'x'),
    fc.string({ unit: 'binary-ascii' }),
  );
  fc.assert(
    fc.property(fc.array(part), fc.uint8Array(), (parts, value) => {
      const one = { name: Buffer.from(parts.join(''), 'latin1'), value: Buffer.from(value) };
      expect(xattrsOf([xattrRecord(one)])).toEqual([one]);
    }),
  );
});
