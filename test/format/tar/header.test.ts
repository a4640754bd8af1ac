import { expect, test } from 'vitest';
import { checksumOf, isZero, paddingOf, parseHeader, untilNul } from '../../../lib/format/tar/header.ts';
import { header } from './archive.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

test('reads every field of ustar', () => {
  const block = header({
    name: 'name',
    mode: '0100755\0',
    uid: '0001750\0',
    gid: '0001751\0',
    size: '00000000017\0',
    mtime: '13213340000\0',
    type: '3',
    linkname: 'link',
    uname: 'user',
    gname: 'group',
    devmajor: '0000010\0',
    devminor: '0000003\0',
    prefix: 'pre/fix',
  });
  expect(parseHeader(block, 1024)).toEqual({
    at: 1024,
    type: '3',
    name: latin1('pre/fix/name'),
    mode: 0o100755,
    uid: 1000,
    gid: 1001,
    size: 15,
    mtime: 0o13213340000,
    linkname: latin1('link'),
    uname: latin1('user'),
    gname: latin1('group'),
    device: { major: 8, minor: 3 },
  });
});

test('reads fields without NUL, and names of any bytes', () => {
  const block = header({ name: '\xff'.repeat(100), linkname: '\xfe'.repeat(100), uname: 'u'.repeat(32) });
  const { name, linkname, uname } = parseHeader(block, 0);
  expect([name.length, linkname.length, uname.length]).toEqual([100, 100, 32]);
  expect(name[0]).toBe(0xff);
});

test.each([
  ['GNU', { magic: 'ustar  \0', prefix: '00000000001\x00' }, 'f', 'root'],
  ['V7', { magic: '\0\0\0\0\0\0\0\0', prefix: 'junk' }, 'f', ''],
  ['star', { prefix: 'p', starTrailer: 'tar\0' }, 'p/f', 'root'],
])('%s headers have no prefix of 155 bytes', (_, fields, name, uname) => {
  const read = parseHeader(header({ ...fields, uname: 'root' }), 0);
  expect([read.name.toString(), read.uname.toString()]).toEqual([name, uname]);
});

test('star keeps times where ustar has the end of its prefix', () => {
  const block = header({ starTrailer: 'tar\0' }, (bytes) => bytes.write('12345670123', 476));
  expect(parseHeader(block, 0).name.toString()).toBe('f');
});

test('reads large and negative numbers in base-256', () => {
  const big = latin1('\x80\0\0\0\x7f\xff\xff\xfe');
  const read = parseHeader(header({ uid: big, mtime: latin1('\xff'.repeat(11).concat('\xfe')) }), 0);
  expect([read.uid, read.mtime]).toEqual([2147483646, -2]);
});

test('takes a checksum over signed bytes too, as old writers made them', () => {
  const block = header({ name: '\xe9' });
  const { unsigned, signed } = checksumOf(block);
  expect(unsigned - signed).toBe(256);
  block.write(`${signed.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  expect(parseHeader(block, 0).name).toEqual(latin1('\xe9'));
});

test.each([
  ['a wrong checksum', { checksum: '0000001\0' }, /checksum is wrong/],
  ['a size that is no number', { size: 'x' }, /size is no number/],
  ['a negative size', { size: '\xff'.repeat(12) }, /size is negative/],
  ['a negative owner', { uid: '\xff'.repeat(8) }, /uid is negative/],
  ['a device number that is none', { type: '4', devminor: '9' }, /devminor is no number/],
])('refuses %s', (_, fields, message) => {
  const parse = () => parseHeader(header(fields), 512);
  expect(parse).toThrow(message);
  expect(parse).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_TAR_CORRUPT' }));
});

test('device numbers of what is no device are not looked at', () => {
  expect(parseHeader(header({ type: '0', devminor: 'junk' }), 0).device).toEqual({ major: 0, minor: 0 });
});

test('padding fills blocks', () => {
  expect([0, 1, 511, 512, 513, 2 ** 40].map(paddingOf)).toEqual([0, 511, 1, 0, 511, 0]);
  expect([isZero(Buffer.alloc(512)), isZero(Buffer.alloc(0)), isZero(Buffer.from([0, 1]))]).toEqual([
    true,
    true,
    false,
  ]);
  expect(untilNul(latin1('ab\0c'))).toEqual(latin1('ab'));
});
