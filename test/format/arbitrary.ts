// Generators for property tests of lib/format: paths of any bytes, options and attributes of every kind.

import type { MountAttributes, OverlayOptions } from '../../lib/format/mount-spec.ts';
import { checkOptions, OVERLAY_OPTIONS } from '../../lib/format/options.ts';
import { bytesToPath } from '../../lib/format/path-bytes.ts';
import fc from '../support/fast-check.ts';

/** Bytes that break parsers, more often than chance would have it. */
const byte = fc.oneof(
  fc.constantFrom(...Buffer.from('\\\\\\:::,,, \t\n#"\'=\x7f01')),
  fc.constantFrom(0xff, 0xc3, 0x80, 0x01),
  fc.integer({ min: 1, max: 255 }),
);

/** Any bytes without NUL, at least one. */
export const pathBytes: fc.Arbitrary<Buffer> = fc
  .array(byte, { minLength: 1, maxLength: 24 })
  .map((bytes) => Buffer.from(bytes));

/** Any bytes at all. */
export const anyBytes: fc.Arbitrary<Buffer> = fc
  .array(fc.oneof(byte, fc.integer({ min: 0, max: 255 })), { maxLength: 40 })
  .map((bytes) => Buffer.from(bytes));

/** A path in the form that parseOptions gives. */
export const path: fc.Arbitrary<string | Buffer> = pathBytes.map(bytesToPath);

const rawKey = fc.stringMatching(/^[a-z][a-z_+]{3,12}$/).map((key) => `future_${key}`);
const rawValue = fc.oneof(fc.constant(true as const), fc.stringMatching(/^[a-z0-9=:" ]{0,8}$/));

/** Options without conflicts, with at least one that text can show. */
export const options: fc.Arbitrary<OverlayOptions> = fc
  .record(
    {
      ...Object.fromEntries(OVERLAY_OPTIONS.map((row) => [row.name, fc.constantFrom(...row.values)])),
      raw: fc.dictionary(rawKey, rawValue, { minKeys: 1, maxKeys: 3 }).map((raw) => ({ ...raw })),
    },
    { requiredKeys: [] },
  )
  .map((options) => ({ ...options }))
  .filter(
    (options) => checkOptions(options, { upper: true, data: false }) === undefined,
  ) as fc.Arbitrary<OverlayOptions>;

/** Attributes, set and cleared, with at most one way to keep access times. */
export const attributes: fc.Arbitrary<MountAttributes> = fc
  .record(
    {
      readOnly: fc.boolean(),
      nosuid: fc.boolean(),
      nodev: fc.boolean(),
      noexec: fc.boolean(),
      nodiratime: fc.boolean(),
      nosymfollow: fc.boolean(),
      noatime: fc.boolean(),
      relatime: fc.boolean(),
      strictatime: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  .map((attributes) => ({ ...attributes }))
  .filter((a) => [a.noatime, a.relatime, a.strictatime].filter(Boolean).length < 2);
