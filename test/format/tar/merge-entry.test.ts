import { describe, expect, test } from 'vitest';
import { END, header, padded, pax, readAll, withBody } from './archive.ts';

const one = (...parts: Buffer[]) => readAll(Buffer.concat([...parts, END]))[0]!;
const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');

describe('pax records', () => {
  test('say more than the header', () => {
    const entry = one(
      pax([
        ['path', `d\xff/${'n'.repeat(300)}`],
        ['linkpath', '\xfe'],
        ['uid', '4294967294'],
        ['gid', '2097152'],
        ['uname', 'J\xf6rg'],
        ['gname', 'g'],
        ['mtime', '-1.000000001'],
        ['SCHILY.xattr.user.e', ''],
        ['VENDOR.other', 'is passed over'],
      ]),
      header({ name: 'short', type: '2', linkname: 'l', mode: '0120777\0', uname: 'old' }),
    );
    expect(entry).toMatchObject({
      name: latin1(`d\xff/${'n'.repeat(300)}`),
      linkname: latin1('\xfe'),
      mode: 0o777,
      uid: 4294967294,
      gid: 2097152,
      uname: latin1('J\xf6rg'),
      gname: latin1('g'),
      mtime: -1_000_000_001n,
      xattrs: [{ name: latin1('user.e'), value: latin1('') }],
    });
  });

  test('the last of a keyword counts', () => {
    expect(
      one(
        pax([
          ['path', 'a'],
          ['path', 'b'],
        ]),
        header(),
      ).name.toString(),
    ).toBe('b');
  });

  test('size tells how much content follows', () => {
    const [entry, next] = readAll(
      Buffer.concat([pax([['size', '3']]), header(), padded('abc'), header({ name: 'n' })]),
    );
    expect([entry!.content.toString(), next!.name.toString()]).toEqual(['abc', 'n']);
  });

  test('of a global header count for all entries, until an own one or an empty one', () => {
    const archive = Buffer.concat([
      pax(
        [
          ['uid', '7'],
          ['comment', 'x'],
        ] as const,
        'g',
      ),
      header(),
      pax([['uid', '8']]),
      header(),
      pax([['uid', '']]),
      header({ uid: '0000011\0' }),
      pax([['uid', '10']], 'g'),
      header(),
    ]);
    expect(readAll(archive).map(({ uid }) => uid)).toEqual([7, 8, 9, 10]);
  });

  test.each([
    ['uid', '-1'],
    ['gid', 'x'],
    ['size', '1e3'],
    ['size', '99999999999999999999'],
    ['mtime', 'now'],
  ])('%s=%s is refused', (keyword, value) => {
    expect(() => one(pax([[keyword, value]]), header())).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_TAR_CORRUPT' }),
    );
  });
});

test('GNU long names and links replace those of the header', () => {
  const entry = one(
    withBody(`${'n'.repeat(300)}\0junk`, { name: '././@LongLink', type: 'L', magic: 'ustar  \0' }),
    withBody('\xff'.repeat(200), { name: '././@LongLink', type: 'K', magic: 'ustar  \0' }),
    header({ name: 'n'.repeat(100), linkname: 'l', type: '1', magic: 'ustar  \0' }),
  );
  expect(entry.name.length).toBe(300);
  expect(entry.linkname).toEqual(latin1('\xff'.repeat(200)));
});

describe('types', () => {
  test.each([
    ['\0', 'f', 'file'],
    ['\0', 'd/', 'directory'],
    ['0', 'f', 'file'],
    ['0', 'f/', 'file'],
    ['1', 'f', 'hardlink'],
    ['2', 'f', 'symlink'],
    ['3', 'f', 'character'],
    ['4', 'f', 'block'],
    ['5', 'f', 'directory'],
    ['6', 'f', 'fifo'],
    ['7', 'f', 'file'],
    ['D', 'f', 'directory'],
  ])('%j of %j is a %s', (type, name, expected) => {
    expect(one(header({ type, name })).type).toBe(expected);
  });

  test('a contiguous file has its content', () => {
    expect(one(withBody('abc', { type: '7' })).content.toString()).toBe('abc');
  });

  test('a list of names of a GNU incremental archive is left out', () => {
    const [entry, next] = readAll(
      Buffer.concat([withBody('Yname\0', { type: 'D' }), header({ name: 'n' }), END]),
    );
    expect([entry!.type, entry!.size, next!.name.toString()]).toEqual(['directory', 0, 'n']);
  });

  test('the size of what has no content means nothing', () => {
    for (const type of ['1', '2', '3', '4', '5', '6']) {
      const archive = Buffer.concat([header({ type, size: '00000001000\0' }), header({ name: 'n' }), END]);
      expect(readAll(archive).map(({ size }) => size)).toEqual([0, 0]);
    }
  });

  test('the label of a volume is no entry', () => {
    expect(one(header({ type: 'V', name: 'label' }), header({ name: 'n' })).name.toString()).toBe('n');
  });

  test.each(['M', 'N', 'A', '8', '\xff'])('%j is refused', (type) => {
    expect(() => one(header({ type }))).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_TAR_UNSUPPORTED' }),
    );
  });
});
