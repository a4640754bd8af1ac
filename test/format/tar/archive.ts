// Archives put together by hand, for forms that the writer does not write: raw headers, pax and GNU long headers.
import type { TarEntry } from '../../../lib/format/tar/entry.ts';
import { BLOCK, checksumOf, FIELDS, paddingOf } from '../../../lib/format/tar/header.ts';
import { formatPaxRecord } from '../../../lib/format/tar/pax-records.ts';
import { type TarOptions, TarReader } from '../../../lib/format/tar/reader.ts';

type RawFields = Partial<Record<keyof typeof FIELDS, string | Uint8Array>>;

/** A header block of ustar, overridden field by field; the checksum is right unless it is given. */
export function header(fields: RawFields = {}, patch: (block: Buffer) => void = () => {}): Buffer {
  const block = Buffer.alloc(BLOCK);
  const all: RawFields = {
    name: 'f',
    mode: '0000644\0',
    uid: '0000000\0',
    gid: '0000000\0',
    size: '00000000000\0',
    mtime: '00000000000\0',
    type: '0',
    magic: 'ustar\x0000',
    ...fields,
  };
  for (const [field, value] of Object.entries(all)) {
    const [from] = FIELDS[field as keyof typeof FIELDS];
    Buffer.from(value as string, 'latin1').copy(block, from);
  }
  patch(block);
  const sum = checksumOf(block).unsigned.toString(8).padStart(6, '0');
  if (fields.checksum === undefined) block.write(`${sum}\0 `, FIELDS.checksum[0], 'latin1');
  return block;
}

export const octal = (size: number): string => `${size.toString(8).padStart(11, '0')}\0`;
export const END: Buffer = Buffer.alloc(2 * BLOCK);

/** Bytes with their padding. */
export function padded(bytes: string | Uint8Array): Buffer {
  const buffer = Buffer.from(bytes as string, 'latin1');
  return Buffer.concat([buffer, Buffer.alloc(paddingOf(buffer.length))]);
}

/** A header with content behind it. */
export function withBody(body: string | Uint8Array, fields: RawFields): Buffer {
  const size = octal(Buffer.from(body as string, 'latin1').length);
  return Buffer.concat([header({ size, ...fields }), padded(body)]);
}

/** A pax header: `x` for the next entry, `g` for all. */
export function pax(records: readonly (readonly [string, string | Uint8Array])[], type = 'x'): Buffer {
  const body = records.map(([keyword, value]) =>
    formatPaxRecord({ keyword, value: Buffer.from(value as string, 'latin1') }),
  );
  return withBody(Buffer.concat(body), { name: 'PaxHeaders.0/f', type });
}

/** An entry with its content, holes filled with zeros. */
export type Read = TarEntry & { readonly at: number; readonly content: Buffer };

/** Reads a whole archive, in chunks of this size. */
export function readAll(archive: Uint8Array, chunkSize = archive.length, options?: TarOptions): Read[] {
  const reader = new TarReader(options);
  const entries: Read[] = [];
  const take = (events: ReturnType<TarReader['push']>): void => {
    for (const event of events) {
      if (event.kind === 'data') event.bytes.copy(entries.at(-1)!.content, event.offset);
      else entries.push({ ...event.entry, at: event.at, content: Buffer.alloc(event.entry.size) });
    }
  };
  for (let at = 0; at < archive.length; at += chunkSize) {
    // A copy that is wiped after use shows whether anything is kept of a chunk.
    const chunk = Uint8Array.prototype.slice.call(archive, at, at + chunkSize);
    take(reader.push(chunk));
    chunk.fill(0xee);
  }
  take(reader.end());
  return entries;
}
