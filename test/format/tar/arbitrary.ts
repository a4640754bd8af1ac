// Generators of tar entries for property tests, with what breaks writers more often than chance would have it.

import type { EntryType, TarEntry } from '../../../lib/format/tar/entry.ts';
import type { WritableEntry } from '../../../lib/format/tar/writer.ts';
import fc from '../../support/fast-check.ts';

const byte = fc.oneof(
  fc.constantFrom(...Buffer.from('///..a%=\n\\ 3D25')),
  fc.constantFrom(0x80, 0xc3, 0xff),
  fc.integer({ min: 1, max: 255 }),
);

export const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.array(byte, { minLength, maxLength }).map((list) => Buffer.from(list));

const ascii = fc.stringMatching(/^[a-z./]{1,40}$/);
/** Names around the widths of the fields, 100 and 155 and their sum. */
const longName = fc
  .tuple(fc.array(fc.stringMatching(/^[a-z.]{1,30}$/), { minLength: 1, maxLength: 12 }), fc.boolean())
  .map(([parts, wide]) => Buffer.from(`${parts.join('/')}${wide ? '\u00e9' : ''}`));
const name = fc.oneof(
  bytes(1, 30),
  ascii.map((text) => Buffer.from(text)),
  longName,
  bytes(90, 110),
  bytes(245, 270),
);
const number = (most: number) =>
  fc.oneof(
    fc.nat(1000),
    fc.integer({ min: 0o7777777 - 1, max: 0o7777777 + 2 }),
    fc.integer({ min: 0, max: most }),
  );
const mtime = fc.oneof(
  fc.nat(2 ** 31 - 1).map((seconds) => BigInt(seconds) * 1_000_000_000n),
  fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
  fc.constantFrom(0n, -1n, 1n, -500_000_000n, 8n ** 11n * 1_000_000_000n, 100_000_000n),
);
const type = fc.constantFrom<EntryType>(
  'file',
  'hardlink',
  'symlink',
  'character',
  'block',
  'directory',
  'fifo',
);
const NOTHING = Buffer.alloc(0);

/** Entries in the form that reading gives back: a directory's name ends in a slash, no attribute comes twice. */
export const entry: fc.Arbitrary<WritableEntry> = fc
  .record({
    name,
    type,
    mode: fc.integer({ min: 0, max: 0o7777 }),
    uid: number(2 ** 32 - 2),
    gid: number(2 ** 32 - 2),
    uname: fc.oneof(fc.constant(NOTHING), bytes(0, 40)),
    gname: fc.oneof(fc.constant(NOTHING), bytes(0, 40)),
    mtime,
    size: fc.oneof(fc.nat(2000), fc.constantFrom(8 ** 11 - 1, 8 ** 11, 2 ** 40)),
    linkname: name,
    device: fc.record({ major: fc.nat(4095), minor: fc.nat(2 ** 20 - 1) }),
    xattrs: fc.uniqueArray(fc.record({ name: bytes(1, 20), value: bytes(0, 40) }), {
      maxLength: 3,
      selector: (xattr) => xattr.name.toString('latin1'),
    }),
  })
  .map((random) => settled(random));

function settled(random: TarEntry): WritableEntry {
  const text = random.name.toString('latin1').replace(/\/+$/, '');
  const isLink = random.type === 'hardlink' || random.type === 'symlink';
  const isDevice = random.type === 'character' || random.type === 'block';
  return {
    ...random,
    name: Buffer.from(`${text === '' ? 'n' : text}${random.type === 'directory' ? '/' : ''}`, 'latin1'),
    size: random.type === 'file' ? random.size : 0,
    linkname: isLink ? random.linkname : NOTHING,
    device: isDevice ? random.device : { major: 0, minor: 0 },
  };
}
