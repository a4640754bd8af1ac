import { describe, expect, test } from 'vitest';
import { FormatError } from '../../lib/format/format-error.ts';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import {
  OPTION_KEYS,
  OVERLAY_OPTIONS,
  optionsToParameters,
  type Parameter,
  parametersToOptions,
} from '../../lib/format/options.ts';
import fc from '../support/fast-check.ts';
import { options as anyOptions } from './arbitrary.ts';

const spelled = (parameters: Parameter[]): string =>
  parameters.map(({ key, value }) => (value === undefined ? key : `${key}=${value}`)).join(',');
const sent = (options: AnyOverlayOptions): string => spelled(optionsToParameters(options));

describe('the table', () => {
  test('has each option of the driver once, by both names', () => {
    const keys = OVERLAY_OPTIONS.map((row) => row.key);
    expect(keys.toSorted()).toEqual([
      'default_permissions',
      'fsync',
      'index',
      'metacopy',
      'nfs_export',
      'override_creds',
      'redirect_dir',
      'userxattr',
      'uuid',
      'verity',
      'volatile',
      'xino',
    ]);
    expect(new Set(OVERLAY_OPTIONS.map((row) => row.name)).size).toBe(keys.length);
  });

  test.each(OVERLAY_OPTIONS.map((row) => [row.name, row] as const))('%s is described', (_, row) => {
    expect(row.since).toMatch(/^\d+\.\d+/);
    expect(row.meaning).not.toBe('');
    expect(row.key.replaceAll('_', '')).toBe(row.name.toLowerCase());
    expect(OPTION_KEYS.get(row.key)).toBe(row.name);
    expect(row.values.length).toBeGreaterThan(1);
  });

  test.each(OVERLAY_OPTIONS.flatMap((row) => row.values.map((value) => [row.name, value] as const)))(
    '%s: %s comes back from its parameters',
    (name, value) => {
      const parameters = optionsToParameters({ [name]: value });
      expect(parameters.length).toBeLessThanOrEqual(1);
      if (parameters.length === 1) expect(parametersToOptions(parameters)).toEqual({ [name]: value });
      else expect(value).toBe(false);
    },
  );

  test('conflicts and useless values speak of values that exist', () => {
    const values = new Map(OVERLAY_OPTIONS.map((row) => [row.name, row.values]));
    for (const row of OVERLAY_OPTIONS) {
      for (const value of row.uselessWithoutUpper) expect(row.values).toContain(value);
      for (const conflict of row.conflicts) {
        expect(row.values).toContain(conflict.value);
        for (const value of conflict.values) expect(values.get(conflict.other)).toContain(value);
      }
    }
  });
});

describe('optionsToParameters', () => {
  test("uses the kernel's words", () => {
    expect(sent({})).toBe('');
    expect(sent({ index: true, nfsExport: false, redirectDir: 'nofollow' })).toBe(
      'index=on,nfs_export=off,redirect_dir=nofollow',
    );
    expect(sent({ volatile: true, userxattr: true, defaultPermissions: true })).toBe(
      'volatile,userxattr,default_permissions',
    );
    expect(sent({ volatile: false, userxattr: false, defaultPermissions: false })).toBe('');
    expect(sent({ overrideCreds: true })).toBe('override_creds');
    expect(sent({ overrideCreds: false })).toBe('nooverride_creds');
    expect(sent({ raw: { lazytime: true, future: 'x,y' } })).toBe('lazytime,future=x,y');
  });

  test('takes undefined for absent', () => {
    expect(sent({ index: undefined } as unknown as AnyOverlayOptions)).toBe('');
  });

  test('refuses what the table does not hold rather than drop it', () => {
    expect(() => sent({ nope: true } as AnyOverlayOptions)).toThrow(FormatError);
    expect(() => sent({ index: 'on' } as unknown as AnyOverlayOptions)).toThrow(FormatError);
    expect(() => sent({ constructor: true } as unknown as AnyOverlayOptions)).toThrow(FormatError);
  });
});

describe('parametersToOptions', () => {
  test('reads both ways to show a volatile mount', () => {
    expect(parametersToOptions([{ key: 'volatile' }])).toEqual({ volatile: true });
    expect(parametersToOptions([{ key: 'fsync', value: Buffer.from('volatile') }])).toEqual({
      volatile: true,
    });
    expect(parametersToOptions([{ key: 'fsync', value: 'strict' }])).toEqual({ fsync: 'strict' });
  });

  test('keeps keys and values that it does not know', () => {
    const parameters = [{ key: 'xino', value: 'maybe' }, { key: 'future' }, { key: '__proto__', value: 'x' }];
    const { raw } = parametersToOptions(parameters);
    expect(Object.entries(raw!)).toEqual([
      ['xino', 'maybe'],
      ['future', true],
      ['__proto__', 'x'],
    ]);
  });

  test('takes the last of several, as the kernel does', () => {
    expect(parametersToOptions([{ key: 'override_creds' }, { key: 'nooverride_creds' }])).toEqual({
      overrideCreds: false,
    });
  });

  test('is the inverse of optionsToParameters, except for flags that are off', () => {
    fc.assert(
      fc.property(anyOptions, (options) => {
        const shown = Object.fromEntries(
          Object.entries(options).filter(
            ([name, value]) =>
              value !== false || !['volatile', 'userxattr', 'defaultPermissions'].includes(name),
          ),
        );
        expect(parametersToOptions(optionsToParameters(options))).toEqual(shown);
      }),
    );
  });
});
