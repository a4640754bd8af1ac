// What a store notes of itself, once, when it is made: its version, its driver, and which attributes are the overlay's.

export type DriverName = 'overlay' | 'btrfs';

export const STORE_VERSION = 1;

export interface StoreFacts {
  readonly version: typeof STORE_VERSION;
  readonly driver: DriverName;
  /** Why this driver: a sentence. */
  readonly reason: string;
  /** `user`: made by somebody who may not have `trusted.*` attributes. */
  readonly dialect: 'trusted' | 'user';
}

/** The facts, the number of a newer version, or a sentence about what is wrong. */
export function decodeStoreFacts(bytes: Uint8Array): StoreFacts | number | string {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString());
  } catch {
    return 'it is no JSON';
  }
  if (typeof value !== 'object' || value === null) return 'it is no object';
  const { version, driver, reason, dialect } = value as Record<string, unknown>;
  if (!Number.isSafeInteger(version) || (version as number) < 1) return 'it has no version';
  if ((version as number) > STORE_VERSION) return version as number;
  if (driver !== 'overlay' && driver !== 'btrfs') return `it names no driver that exists`;
  if (typeof reason !== 'string' || (dialect !== 'trusted' && dialect !== 'user')) return 'it lacks fields';
  return { version: STORE_VERSION, driver, reason, dialect };
}

export function encodeStoreFacts(facts: StoreFacts): Buffer {
  return Buffer.from(`${JSON.stringify(facts, null, 1)}\n`);
}
