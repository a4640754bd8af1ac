import { expect, test } from 'vitest';
import { FormatError } from '../../../lib/format/format-error.ts';
import { formatPaxRecord, parsePaxRecords } from '../../../lib/format/tar/pax-records.ts';
import fc from '../../support/fast-check.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

test('a length counts its own digits', () => {
  const lengths = [95, 96, 97, 98, 994, 995, 996].map((size) => {
    const record = formatPaxRecord({ keyword: 'k', value: Buffer.alloc(size - 3, 'v') });
    return [record.length, Number.parseInt(record.toString(), 10)];
  });
  for (const [length, written] of lengths) expect(written).toBe(length);
  expect(lengths.map(([length]) => length)).toEqual([98, 99, 101, 102, 998, 999, 1001]);
});

test('values hold any bytes, = and newlines too, and may be empty', () => {
  const records = parsePaxRecords(latin1('11 a=b\n=\n\xff\n5 e=\n'), 0);
  expect(records).toEqual([
    { keyword: 'a', value: latin1('b\n=\n\xff') },
    { keyword: 'e', value: latin1('') },
  ]);
});

const record = fc.record({
  keyword: fc
    .uint8Array({ min: 1, minLength: 1, maxLength: 12 })
    .map((bytes) => Buffer.from(bytes).toString('latin1').replaceAll('=', '-')),
  value: fc.uint8Array({ maxLength: 120 }).map((bytes) => Buffer.from(bytes)),
});

test('records come back in their order', () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 5 }), (records) => {
      expect(parsePaxRecords(Buffer.concat(records.map(formatPaxRecord)), 0)).toEqual(records);
    }),
  );
});

test.each([
  ['no length', 'path=x\n'],
  ['a length without end', '12345678901 path=x\n'],
  ['a length alone', '6'],
  ['a length of nothing', '0 \n'],
  ['a length that ends before the keyword', '2 a=b\n'],
  ['a length beyond the header', '99 path=x\n'],
  ['a length that ends elsewhere', '8 path=x\n'],
  ['no equals sign', '7 path\n'],
  ['no keyword', '6 =x\n\n'],
  ['a NUL byte in the keyword', '8 a\0b=c\n'],
  ['a NUL byte in a name', '11 path=a\0\n'],
  ['padding', '9 path=x\n\0\0'],
])('refuses %s', (_, text) => {
  const parse = () => parsePaxRecords(latin1(text), 512);
  expect(parse).toThrow(FormatError);
  expect(parse).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_TAR_CORRUPT' }));
});

test('names the byte of the archive where the record begins', () => {
  expect(() => parsePaxRecords(latin1('5 e=\nx'), 1024)).toThrow(/at byte 1029:/);
});
