// Some names of a directory, or one name in some directories, with what statx(2) and their attributes say: in one job.
import { call } from './call.ts';
import { O_DIRECTORY, O_NOFOLLOW, O_PATH } from './constants.ts';
import { EMSGSIZE } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { MAY_FAIL, Program, WANT } from './program.ts';
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

// In words of 64 bits, for each directory: an entry with the attributes that are usual.
const ROOM_FOR_ONE = 256;

/**
 * What is under one name in each of the directories, no link followed; the empty name is the directory itself.
 *
 * @param dirs a descriptor, and the path from there, as `resolve` confines it
 * @returns for each an entry, or the negative errno of openat2(2); undefined when there is more than there is room for
 */
export function* scanInEach(
  dirs: readonly { readonly root: number; readonly path: Uint8Array }[],
  resolve: number,
  name: Uint8Array,
  request: ScanRequest,
): Routine<(ScannedEntry | number)[] | undefined> {
  const prefixes = prefixBytes(request);
  const names = Buffer.concat([name, NUL]);
  const program = new Program();
  const steps = dirs.map(({ root, path }) => {
    const opened = program.add(
      'openat2',
      MAY_FAIL,
      root,
      path,
      O_PATH | O_DIRECTORY | O_NOFOLLOW,
      0,
      resolve,
    );
    const scanned = program.add('scan_entries', WANT | MAY_FAIL, opened, names, prefixes, ROOM_FOR_ONE);
    program.close(opened);
    return { opened, scanned };
  });
  try {
    yield* program.run();
  } catch (error) {
    if (error instanceof KernelError && error.errno === -EMSGSIZE) return undefined;
    throw error;
  }
  return steps.map(({ opened, scanned }) => {
    const failed = program.value(opened);
    return failed < 0 ? failed : decodeBatch(program.bytes(scanned)!).entries[0]!;
  });
}
