// Changes the labels of a snapshot: a new record beside the old one, and one rename.
import type { SnapshotRecord } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { Program } from '../kernel/program.ts';
import { openEntry } from './entries.ts';
import { addRecord } from './make.ts';
import type { Place } from './place.ts';
import { COMMITTED, RECORD, UPDATING } from './read-record.ts';

let number = 0;

/** @throws {OverlayError} ERR_STORE_NOT_FOUND */
export async function updateLabels(
  place: Place,
  key: string,
  change: (before: Readonly<Record<string, string>>) => Readonly<Record<string, string>>,
): Promise<SnapshotRecord> {
  // Not while it is being committed or removed, which the store's lock alone would not keep apart.
  return await place.lock.hold(async () => {
    const entry = await openEntry(place, key, 'share');
    const aside = `${UPDATING}${process.pid}-${number++}`;
    try {
      const record = {
        ...entry.record,
        labels: change(entry.record.labels),
        updated: new Date().toISOString(),
      };
      const program = new Program();
      addRecord(program, entry.fd, aside, record);
      const file = record.kind === 'committed' ? COMMITTED : RECORD;
      program.add('renameat2', 0, entry.fd, aside, entry.fd, file, 0);
      await program.later();
      return record;
    } catch (error) {
      await callAsync('unlinkat', entry.fd, aside, 0).catch(() => {});
      throw error;
    } finally {
      close(entry.fd);
    }
  });
}
