import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import {
  END_OF_ARCHIVE,
  formatEntry,
  paddingBytes,
  type WritableEntry,
} from '../../../lib/format/tar/writer.ts';
import fc from '../../support/fast-check.ts';
import { entry } from './arbitrary.ts';
import { readAll } from './archive.ts';
import { GO_ENTRIES } from './go-layers.ts';

test.each(Object.keys(GO_ENTRIES))("%s has the bytes of Go's archive/tar", (name) => {
  const [written, sum] = GO_ENTRIES[name]!;
  expect(createHash('sha256').update(formatEntry(written)).digest('hex')).toBe(sum);
});

test('whatever is written is read again', () => {
  fc.assert(
    fc.property(entry, (written) => {
      // Content of terabytes is left out: the reader yields the entry before it.
      const small = { ...written, size: written.size % 4096 };
      const content = Buffer.alloc(small.size, 'c');
      const archive = Buffer.concat([
        formatEntry(small),
        content,
        paddingBytes(small.size),
        formatEntry(small.type === 'file' ? { ...small, size: 0 } : small),
        END_OF_ARCHIVE,
      ]);
      expect(archive.length % 512).toBe(0);
      const [read, next] = readAll(archive, 1000);
      const sorted = small.xattrs.toSorted((a, b) => Buffer.compare(a.name, b.name));
      expect({ ...read, xattrs: read!.xattrs.toSorted((a, b) => Buffer.compare(a.name, b.name)) }).toEqual({
        ...small,
        xattrs: sorted,
        at: expect.any(Number),
        content,
      });
      expect(next!.name).toEqual(small.name);
      // What was written is canonical: writing it again changes nothing.
      const { at: _at, content: _content, ...again } = read!;
      expect(formatEntry(again).equals(formatEntry(small))).toBe(true);
    }),
  );
});

const plain = GO_ENTRIES['a plain file']![0];

test("a directory's name gets its slash", () => {
  const directory: WritableEntry = { ...plain, type: 'directory', size: 0, name: Buffer.from('d') };
  expect(formatEntry(directory)).toEqual(formatEntry({ ...directory, name: Buffer.from('d/') }));
});

test('pax headers are written only where ustar cannot say it', () => {
  expect(formatEntry(plain).length).toBe(512);
  expect(formatEntry({ ...plain, uid: 2 ** 21 }).length).toBe(3 * 512);
});

describe('what no archive can say is refused', () => {
  const link = { type: 'symlink', size: 0 } as const;
  const cases: Record<string, Partial<WritableEntry>> = {
    'an empty name': { name: Buffer.alloc(0) },
    'a NUL byte in name': { name: Buffer.from('a\0b') },
    'a NUL byte in linkname': { ...link, linkname: Buffer.from('a\0b') },
    'a NUL byte in uname': { uname: Buffer.from('\0') },
    "a NUL byte in an attribute's name": {
      xattrs: [{ name: Buffer.from('user.\0'), value: Buffer.alloc(0) }],
    },
    'a trailing slash': { name: Buffer.from('f/') },
    'a link needs a target': link,
    'only files have content': { type: 'fifo' },
    '-1 is no uid': { uid: -1 },
    '1.5 is no size': { size: 1.5 },
    '65535 is no mode': { mode: 65535 },
    'a device number without room': { type: 'block', size: 0, device: { major: 2 ** 21, minor: 0 } },
  };
  test.each(Object.keys(cases))('%s', (problem) => {
    const format = () => formatEntry({ ...plain, ...cases[problem] });
    expect(format).toThrow(problem);
    expect(format).toThrow(expect.objectContaining({ code: 'ERR_OVERLAY_TAR_VALUE' }));
  });
});
