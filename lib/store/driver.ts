// What a driver has to know: how a snapshot's data is made from its parent's, sealed, counted, described, and destroyed.

import type { Finding } from '../format/overlay-error.ts';
import type { SnapshotRecord, Usage } from '../format/store/record.ts';
import type { DriverName } from '../format/store/store-facts.ts';
import type { Program } from '../kernel/program.ts';
import type { OpenEntry } from './entries.ts';
import type { MountDescription } from './mount-description.ts';
import type { Place } from './place.ts';

/** A snapshot whose directory is made, and lies in the session yet. */
export interface Making {
  /** The new directory, open. */
  readonly fd: number;
  readonly record: SnapshotRecord;
  readonly parent: OpenEntry | undefined;
}

export interface Driver {
  readonly name: DriverName;
  /** Refuses what would go wrong later, before anything is made. */
  beforeMaking?(place: Place, record: SnapshotRecord): Promise<void>;
  /** Adds to a program what can be said beforehand of making the data directory; there `fd` may be a step. */
  begin?(place: Place, program: Program, making: Making): void;
  /** Does the rest of making it; gives what is to be added to the record. Undefined when there is no rest. */
  finish(
    place: Place,
    record: SnapshotRecord,
  ): ((making: Making) => Promise<Partial<SnapshotRecord>>) | undefined;
  /** Makes the data unchangeable as far as it can, before it is committed; gives what is to be added to the record. */
  seal(place: Place, entry: OpenEntry): Promise<Partial<SnapshotRecord>>;
  /** After the commit: what only a writable snapshot needs. */
  afterCommit(place: Place, entry: OpenEntry): Promise<void>;
  /** Makes it possible to write again what an interrupted commit has sealed. */
  unseal?(place: Place, entry: OpenEntry): Promise<void>;
  usage(place: Place, entry: OpenEntry): Promise<Usage>;
  mounts(place: Place, entry: OpenEntry): Promise<MountDescription[]>;
  /** Whether all of it goes with its directory, so that {@link destroy} has nothing to do. */
  isBare(record: SnapshotRecord): boolean;
  /** Before its directory is removed; the snapshot has no name any more. Without a record nothing is known of it. */
  destroy(place: Place, directory: number, record?: SnapshotRecord): Promise<void>;
  /** The names in a snapshot's directory that are its data. */
  parts(record: SnapshotRecord): readonly string[];
  /** What is wrong with the data of a snapshot whose record is right. */
  check(place: Place, entry: OpenEntry): Promise<Finding[]>;
  /** Mends what {@link check} finds, as far as that can be done without losing anything. */
  mend(place: Place, entry: OpenEntry): Promise<void>;
  /** Waits until the room of what was destroyed is free. */
  settle?(place: Place): Promise<void>;
}
