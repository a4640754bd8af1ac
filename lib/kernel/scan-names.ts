// Some names of a directory with what statx(2) and their attributes say, many in one job: the rest of it is not read.
import { call } from './call.ts';
import type { Routine } from './routine.ts';
import { prefixBytes, ROOM, type ScannedEntry, type ScanRequest } from './scan-directory.ts';
import { decodeBatch } from './scanned-entry.ts';

const NUL = Buffer.alloc(1);

/**
 * An entry for each name, in their order, no link followed; as `scanEntry` gives it.
 *
 * @param names one path component each: what a path leads through would not be confined
 */
export function* scanNames(
  dir: number,
  names: readonly Uint8Array[],
  request: ScanRequest,
): Routine<ScannedEntry[]> {
  const prefixes = prefixBytes(request);
  const entries: ScannedEntry[] = [];
  while (entries.length < names.length) {
    const left = Buffer.concat(names.slice(entries.length).flatMap((name) => [name, NUL]));
    const batch = decodeBatch(yield* call('scan_entries', dir, left, prefixes, ROOM));
    for (const entry of batch.entries) entries.push(entry);
  }
  return entries;
}
