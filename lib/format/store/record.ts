// What a store notes of a snapshot: the record that lies beside its data, and the name of the directory that has both.
import { createHash } from 'node:crypto';

/** `active`: writable; `view`: read-only; `committed`: cannot change any more, and can be a parent. */
export type SnapshotKind = 'active' | 'view' | 'committed';

/** What a snapshot takes by itself, without its parents. */
export interface Usage {
  readonly bytes: number;
  readonly inodes: number;
}

/** What a snapshot may take by itself. */
export interface SnapshotLimits {
  readonly bytes?: number;
  readonly inodes?: number;
}

export interface SnapshotRecord {
  readonly version: 1;
  readonly name: string;
  readonly kind: SnapshotKind;
  readonly parent: string | null;
  /** The directories of the parents, the nearest first: a parent that is there cannot change its own. */
  readonly chain: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** As `Date.toISOString` writes them. */
  readonly created: string;
  readonly updated: string;
  readonly limits?: SnapshotLimits;
  /** Of a committed snapshot, as it was when it was committed. */
  readonly usage?: Usage;
  /** The project on ext4 and XFS that its limits are counted by. */
  readonly project?: number;
  /** On btrfs, the transaction of the last change, as decimal digits: a committed snapshot whose subvolume has another was written to. */
  readonly transaction?: string;
}

// No vowels and no `l`: a name of 12 such digits (60 bits) is no word, and 500 of them fit into two pages of mount options.
const DIGITS = '0123456789bcdfghjkmnpqrstvwxyz';
const BASE = BigInt(DIGITS.length);
const NAME_LENGTH = 12;

/**
 * The name of a snapshot's directory: short, since the options of a mount with many layers have to fit into a page. That
 * of another key with the same name takes some 2^58 tries; the record has the key itself.
 */
export function directoryName(key: string): string {
  let number = createHash('sha256').update(key).digest().readBigUInt64BE();
  let name = '';
  for (let i = 0; i < NAME_LENGTH; i++) {
    name += DIGITS[Number(number % BASE)];
    number /= BASE;
  }
  return name;
}

/** Whether it is a name that {@link directoryName} could give. */
export function isDirectoryName(name: string): boolean {
  return name.length === NAME_LENGTH && [...name].every((digit) => DIGITS.includes(digit));
}

export function encodeRecord(record: SnapshotRecord): Buffer {
  return Buffer.from(`${JSON.stringify(record, null, 1)}\n`);
}

const isText = (value: unknown): value is string => typeof value === 'string';
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function isTextMap(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.values(value).every(isText);
}

function isAmount(value: unknown, both: boolean): boolean {
  if (value === undefined) return !both;
  if (typeof value !== 'object' || value === null) return false;
  const { bytes, inodes } = value as Record<string, unknown>;
  const fine = (count: unknown) => isCount(count) || (!both && count === undefined);
  return fine(bytes) && fine(inodes);
}

const CHECKS: Readonly<Record<keyof SnapshotRecord, (value: unknown) => boolean>> = {
  version: (value) => value === 1,
  name: (value) => isText(value) && value !== '',
  kind: (value) => value === 'active' || value === 'view' || value === 'committed',
  parent: (value) => value === null || isText(value),
  chain: (value) => Array.isArray(value) && value.every((name) => isText(name) && isDirectoryName(name)),
  labels: isTextMap,
  created: (value) => isText(value) && !Number.isNaN(Date.parse(value)),
  updated: (value) => isText(value) && !Number.isNaN(Date.parse(value)),
  limits: (value) => isAmount(value, false),
  usage: (value) => value === undefined || isAmount(value, true),
  project: (value) => value === undefined || isCount(value),
  transaction: (value) => value === undefined || (isText(value) && /^\d+$/.test(value)),
};

/** The record that the bytes hold; a sentence about what is wrong when they hold none. */
export function decodeRecord(bytes: Uint8Array): SnapshotRecord | string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return bytes.length === 0 ? 'it is empty' : 'it is no JSON';
  }
  if (typeof value !== 'object' || value === null) return 'it is no object';
  const fields = value as Record<string, unknown>;
  const wrong = Object.entries(CHECKS).find(([name, check]) => !check(fields[name]));
  if (wrong !== undefined) return `its field "${wrong[0]}" is not as it should be`;
  const record = value as SnapshotRecord;
  if ((record.parent === null) !== (record.chain.length === 0))
    return 'parent and chain contradict each other';
  return record;
}
