import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../lib/format/format-error.ts';
import { type TarEvent, TarReader } from '../../../lib/format/tar/reader.ts';
import fc from '../../support/fast-check.ts';
import { END, header, octal, padded, pax, readAll, withBody } from './archive.ts';

const long = 'n'.repeat(300);
/** Something of everything, with no end-of-archive blocks. */
const ARCHIVE = Buffer.concat([
  pax([['comment', 'all']], 'g'),
  header({ name: './', type: '5' }),
  withBody('content', { name: './a' }),
  pax([
    ['SCHILY.xattr.user.e', ''],
    ['mtime', '-1.5'],
  ]),
  withBody(Buffer.alloc(1500, 'x'), { name: 'b' }),
  withBody(`${long}\0`, { type: 'L', magic: 'ustar  \0' }),
  header({ name: 'n', type: '2', linkname: 'a', magic: 'ustar  \0' }),
  header({ name: 'h', type: '1', linkname: './a' }),
  pax([
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.realsize', '4096'],
  ]),
  withBody(Buffer.concat([padded('1\n512\n512\n'), Buffer.alloc(512, 'D')]), { name: 's' }),
  header({ name: 'o', type: 'S', magic: 'ustar  \0', size: octal(2) }, (block) => {
    block.write(octal(0) + octal(2), 386, 'latin1');
    block.write(octal(2), 483, 'latin1');
  }),
  padded('zz'),
]);
const names = ['./', './a', 'b', long, 'h', 's', 'o'];

const problem = (read: () => unknown): string => {
  try {
    read();
  } catch (error) {
    if (error instanceof FormatError) return error.code;
    throw error;
  }
  return 'none';
};

describe('an archive', () => {
  const whole = readAll(Buffer.concat([ARCHIVE, END]));

  test('is read entry by entry', () => {
    expect(whole.map(({ name }) => name.toString())).toEqual(names);
    expect(whole[1]!.content.toString()).toBe('content');
    expect(whole[2]).toMatchObject({ size: 1500, mtime: -1_500_000_000n });
    expect(whole.map(({ at }) => at % 512)).toEqual(names.map(() => 0));
  });

  test.each([1, 7, 511, 512, 513, 10_000])('reads the same in chunks of %d bytes', (size) => {
    expect(readAll(Buffer.concat([ARCHIVE, END]), size)).toEqual(whole);
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['one block of zeros', Buffer.alloc(512)],
    ['half a block of zeros', Buffer.alloc(200)],
    ['more zeros', Buffer.alloc(10_240)],
    ['two blocks of zeros and anything', Buffer.concat([END, Buffer.from('junk')])],
  ])('may end with %s', (_, end) => {
    expect(readAll(Buffer.concat([ARCHIVE, end]), 1000)).toEqual(whole);
  });

  test('may be empty', () => {
    expect(readAll(Buffer.alloc(0))).toEqual([]);
    expect(readAll(END)).toEqual([]);
  });

  test('may end right behind the last byte of content', () => {
    expect(readAll(ARCHIVE.subarray(0, ARCHIVE.length - 510))).toEqual(whole);
  });

  test('cut at any byte is refused as truncated, or lacks whole entries and padding alone', () => {
    for (let length = 0; length < ARCHIVE.length; length++) {
      const cut = ARCHIVE.subarray(0, length);
      const code = problem(() => {
        const entries = readAll(cut, 4096);
        for (const [i, entry] of entries.entries()) {
          if (entry.at !== whole[i]!.at || !entry.content.equals(whole[i]!.content)) {
            throw new Error(`cut at ${length}, entry ${i} differs`);
          }
        }
        // What follows the last entry was not there at all.
        const next = whole[entries.length];
        if (next !== undefined && length > next.at) throw new Error(`cut at ${length}, entry is missing`);
      });
      if (code !== 'none' && code !== 'ERR_OVERLAY_TAR_TRUNCATED') expect.fail(`cut at ${length}: ${code}`);
    }
  });
});

test('more behind one block of zeros is refused', () => {
  const archive = Buffer.concat([ARCHIVE, Buffer.alloc(512), header()]);
  expect(problem(() => readAll(archive))).toBe('ERR_OVERLAY_TAR_CORRUPT');
});

test('an extended header without an entry behind it is refused', () => {
  for (const end of [Buffer.alloc(0), END]) {
    const archive = Buffer.concat([pax([['path', 'x']]), end]);
    expect(problem(() => readAll(archive))).toBe('ERR_OVERLAY_TAR_TRUNCATED');
  }
});

test.each(['path', 'linkpath', 'size', 'GNU.sparse.map'])('a global %s is refused', (keyword) => {
  const archive = Buffer.concat([pax([[keyword, '1']], 'g'), header(), END]);
  expect(problem(() => readAll(archive))).toBe('ERR_OVERLAY_TAR_UNSUPPORTED');
});

describe('what is kept in memory has a limit', () => {
  test.each(['x', 'g', 'L', 'K'])('in a header of type %s', (type) => {
    const archive = header({ type, size: octal(2 ** 20 + 1) });
    expect(problem(() => readAll(archive))).toBe('ERR_OVERLAY_TAR_LIMIT');
    expect(problem(() => readAll(archive, 512, { extendedHeader: 2 ** 21 }))).toBe(
      'ERR_OVERLAY_TAR_TRUNCATED',
    );
  });
  test('in all global headers together', () => {
    const archive = Buffer.concat(Array.from({ length: 9 }, (_, i) => pax([[`k${i}`, 'v'.repeat(90)]], 'g')));
    expect(problem(() => readAll(archive, 512, { extendedHeader: 10_000 }))).toBe('none');
    expect(problem(() => readAll(archive, 512, { extendedHeader: 800 }))).toBe('ERR_OVERLAY_TAR_LIMIT');
  });
});

test('content comes as it arrives, in views of the chunk', () => {
  const chunk = Buffer.concat([withBody(Buffer.alloc(1024, 'x'), {})]);
  const events = [...new TarReader().push(chunk)];
  expect(events.map(({ kind }) => kind)).toEqual(['entry', 'data']);
  const [, data] = events;
  expect(data).toMatchObject({ offset: 0 });
  expect(data!.kind === 'data' && data!.bytes.buffer).toBe(chunk.buffer);
});

describe('without content', () => {
  const plan = (archive: Buffer): { names: string[]; pushed: number; contentAt: number[] } => {
    const reader = new TarReader({ content: false });
    const found: TarEvent[] = [];
    let pushed = 0;
    for (let at = 0; at < archive.length; ) {
      found.push(...reader.push(archive.subarray(at, at + 512)));
      pushed++;
      at += 512;
      const jump = Math.min(reader.skippable, Math.max(0, archive.length - at));
      reader.jump(jump);
      at += jump;
    }
    found.push(...reader.end());
    const entries = found.filter((event) => event.kind === 'entry');
    return {
      names: entries.map(({ entry }) => entry.name.toString()),
      pushed,
      contentAt: entries.map(({ contentAt }) => contentAt),
    };
  };

  test('entries are found by seeking, and where their content is', () => {
    const archive = Buffer.concat([
      withBody(Buffer.alloc(100_000, 'x'), { name: 'large' }),
      withBody('y', { name: 'small' }),
      ARCHIVE,
      END,
    ]);
    const found = plan(archive);
    expect(found.names).toEqual(['large', 'small', ...names]);
    expect(found.pushed).toBeLessThan(30);
    expect(archive.subarray(found.contentAt[0]!, found.contentAt[0]! + 100_000)).toEqual(
      Buffer.alloc(100_000, 'x'),
    );
    expect(archive[found.contentAt[1]!]).toBe('y'.charCodeAt(0));
  });

  test('content that is missing is noticed', () => {
    const archive = withBody(Buffer.alloc(100_000, 'x'), {});
    expect(problem(() => plan(archive.subarray(0, 5000)))).toBe('ERR_OVERLAY_TAR_TRUNCATED');
  });

  test('what is wanted cannot be jumped over', () => {
    const reader = new TarReader({ content: false });
    expect([...reader.push(withBody('abc', {}).subarray(0, 512))]).toHaveLength(1);
    expect(reader.skippable).toBe(3);
    expect(() => reader.jump(4)).toThrow(RangeError);
  });
});

test('noise is read or refused with a typed problem', () => {
  const noise = fc.tuple(
    fc.nat(ARCHIVE.length - 1),
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(noise, ([at, bytes, mend]) => {
      const archive = Buffer.from(ARCHIVE);
      archive.set(bytes.subarray(0, archive.length - at), at);
      const start = at - (at % 512);
      // With a right checksum the noise gets past the first look, if it fell into a header.
      if (mend) header({}, (block) => archive.copy(block, 0, start)).copy(archive, start);
      problem(() => readAll(archive, 700));
    }),
    { numRuns: 2000 },
  );
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2000 }), (bytes) => void problem(() => readAll(bytes, 300))),
  );
});
