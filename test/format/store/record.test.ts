// Records as a store writes and believes them, and the names of directories that keys get.
import { expect, test } from 'vitest';
import {
  decodeRecord,
  directoryName,
  encodeRecord,
  isDirectoryName,
  type SnapshotRecord,
} from '../../../lib/format/store/record.ts';

const record: SnapshotRecord = {
  version: 1,
  name: 'sha256:ab',
  kind: 'committed',
  parent: 'base',
  chain: [directoryName('base')],
  labels: { a: 'b' },
  created: '2026-01-02T03:04:05.678Z',
  updated: '2026-01-02T03:04:05.678Z',
  usage: { bytes: 4096, inodes: 1 },
};

test('comes back as it was written', () => {
  expect(decodeRecord(encodeRecord(record))).toEqual(record);
  const { usage: _, ...active } = {
    ...record,
    kind: 'active' as const,
    parent: null,
    chain: [],
    limits: { bytes: 5 },
  };
  expect(decodeRecord(encodeRecord(active))).toEqual(active);
});
test('is not believed when a field is missing, wrong or contradicts another', () => {
  expect(decodeRecord(Buffer.alloc(0))).toBe('it is empty');
  expect(decodeRecord(Buffer.from('{"version":1'))).toBe('it is no JSON');
  expect(decodeRecord(Buffer.from('7'))).toBe('it is no object');
  for (const field of ['version', 'name', 'kind', 'parent', 'chain', 'labels', 'created', 'updated']) {
    const { [field as 'name']: _, ...rest } = record;
    expect(decodeRecord(Buffer.from(JSON.stringify(rest)))).toBe(
      `its field "${field}" is not as it should be`,
    );
  }
  const wrong: object[] = [
    { version: 2 },
    { chain: ['../../etc'] },
    { labels: { a: 1 } },
    { usage: { bytes: -1, inodes: 1 } },
    { limits: { bytes: 'x' } },
    { transaction: '0x1' },
    { parent: null },
    { chain: [] },
  ];
  for (const fields of wrong)
    expect(typeof decodeRecord(Buffer.from(JSON.stringify({ ...record, ...fields })))).toBe('string');
});
test('each key has a short name of its own', () => {
  const names = Array.from({ length: 20_000 }, (_, i) => directoryName(`key ${i}`));
  expect(new Set(names).size).toBe(20_000);
  expect(names.every((name) => isDirectoryName(name) && /^[0-9a-z]{12}$/.test(name))).toBe(true);
  // Of every store there is: it cannot change.
  expect(directoryName('sha256:ab')).toBe('n11ftxcznd0t');
  for (const other of ['', '..', 'record', 'a'.repeat(12), '0'.repeat(11), '0'.repeat(13)])
    expect(isDirectoryName(other)).toBe(false);
});
