// A snapshot as users see it, made of its record.
import type { SnapshotKind, SnapshotLimits, SnapshotRecord } from '../format/store/record.ts';

/** What is known of a snapshot. */
export interface Snapshot {
  /** The key of an active snapshot or view, the name of a committed one: all are of one space. */
  readonly name: string;
  readonly kind: SnapshotKind;
  /** Absent: it began empty. */
  readonly parent?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly created: Date;
  readonly updated: Date;
  /** What it may take by itself, as `prepare` was told. */
  readonly limits?: SnapshotLimits;
}

export function snapshotOf(record: SnapshotRecord): Snapshot {
  const { name, kind, parent, labels, created, updated, limits } = record;
  return {
    name,
    kind,
    ...(parent === null ? {} : { parent }),
    labels: { ...labels },
    created: new Date(created),
    updated: new Date(updated),
    ...(limits === undefined ? {} : { limits }),
  };
}
