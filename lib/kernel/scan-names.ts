// Some names of a directory with what statx(2) and their attributes say, many in one job: the rest of it is not read.
import { EMSGSIZE } from './errno.ts';
import { KernelError } from './kernel-error.ts';
import { Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';
import { prefixBytes, type ScannedEntry, type ScanRequest, scanEntry } from './scan-directory.ts';
import { decodeBatch } from './scanned-entry.ts';

/** A job of so many takes the time of about five that have one each. */
const AT_ONCE = 64;

function* scanTogether(
  dir: number,
  names: readonly Uint8Array[],
  request: ScanRequest,
): Routine<ScannedEntry[]> {
  const prefixes = prefixBytes(request);
  const program = new Program();
  const steps = names.map((name) => program.add('scan_entry', WANT, dir, name, prefixes));
  try {
    yield* program.run();
  } catch (error) {
    if (!(error instanceof KernelError) || error.errno !== -EMSGSIZE) throw error;
    // One of them has more attributes than there is room for.
    const entries: ScannedEntry[] = [];
    for (const name of names) entries.push(yield* scanEntry(dir, name, request));
    return entries;
  }
  return steps.map((step) => decodeBatch(program.bytes(step)!).entries[0]!);
}

/** An entry for each name, in their order, no link followed; as `scanEntry` gives it. */
export function* scanNames(
  dir: number,
  names: readonly Uint8Array[],
  request: ScanRequest,
): Routine<ScannedEntry[]> {
  const entries: ScannedEntry[] = [];
  for (let at = 0; at < names.length; at += AT_ONCE)
    entries.push(...(yield* scanTogether(dir, names.slice(at, at + AT_ONCE), request)));
  return entries;
}
