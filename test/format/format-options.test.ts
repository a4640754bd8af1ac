import { describe, expect, test } from 'vitest';
import { formatOptions } from '../../lib/format/format-options.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { parseOptions } from '../../lib/format/parse-options.ts';
import fc from '../support/fast-check.ts';
import { attributes, options, path } from './arbitrary.ts';

const text = (spec: Parameters<typeof formatOptions>[0]): string =>
  Buffer.from(formatOptions(spec)).toString('latin1');

test('writes a whole spec', () => {
  const spec: MountSpec = {
    lower: ['/a:b', new URL('file:///c%20d')],
    data: [Buffer.from('/d')],
    upper: '/u,v',
    work: '/w\\',
    target: '/m',
    options: { index: true, userxattr: true, volatile: false },
    attributes: { readOnly: true, nosuid: false },
    propagation: 'private',
  };
  expect(text(spec)).toBe(
    'lowerdir=/a\\:b:/c d::/d,upperdir=/u\\,v,workdir=/w\\\\,index=on,userxattr,ro,suid,private',
  );
});

test('takes a single lower that is no array', () => {
  expect(text({ lower: '/a' })).toBe('lowerdir=/a');
  expect(text({ lower: Buffer.from('/a') })).toBe('lowerdir=/a');
});

test('writes nothing for nothing', () => {
  expect(text({})).toBe('');
});

test('keeps what parseOptions set aside', () => {
  expect(text(parseOptions('ro,user,exec,remount,x-a=b'))).toBe('remount,user,x-a=b,ro,nosuid,nodev,exec');
});

test('parseOptions gives the spec back', () => {
  const spec = fc
    .record(
      {
        lower: fc.array(path, { minLength: 1, maxLength: 4 }),
        data: fc.array(path, { minLength: 1, maxLength: 3 }),
        upper: path,
        work: path,
        options: options.map((options) => {
          // Flags that are off are not written: absent is the same.
          const shown = Object.entries(options).filter(
            ([name, value]) =>
              value !== false || !['volatile', 'userxattr', 'defaultPermissions'].includes(name),
          );
          return Object.fromEntries(shown);
        }),
        attributes,
        propagation: fc.constantFrom('private', 'slave', 'shared', 'unbindable'),
      },
      { requiredKeys: ['lower'] },
    )
    .map((spec) =>
      Object.fromEntries(Object.entries(spec).filter(([, part]) => Object.keys(part).length > 0)),
    );
  fc.assert(
    fc.property(spec, (spec) => {
      expect(parseOptions(formatOptions(spec))).toEqual(spec);
    }),
    { numRuns: 500 },
  );
});

describe('refuses', () => {
  const refusal = (code: string, option: string): unknown =>
    expect.objectContaining({ name: 'FormatError', code, option });

  test('an open directory, which text cannot name', () => {
    expect(() => text({ lower: ['/a'], upper: { fd: 3 } })).toThrow(
      refusal('ERR_OVERLAY_OPTION_VALUE', 'upper'),
    );
    expect(() => text({ lower: { fd: 3 } })).toThrow(refusal('ERR_OVERLAY_OPTION_VALUE', 'lower'));
  });

  test('paths that no system call takes', () => {
    expect(() => text({ lower: ['/a\0'] })).toThrow(refusal('ERR_OVERLAY_INVALID_PATH', 'lower'));
    expect(() => text({ lower: '/a', work: '' })).toThrow(refusal('ERR_OVERLAY_INVALID_PATH', 'work'));
    expect(() => text({ lower: null as unknown as string })).toThrow(
      refusal('ERR_OVERLAY_INVALID_PATH', 'lower'),
    );
  });

  test('data-only layers without an ordinary one', () => {
    expect(() => text({ data: ['/d'] })).toThrow(refusal('ERR_OVERLAY_OPTION_VALUE', 'lower'));
    expect(() => text({ lower: [] })).toThrow(refusal('ERR_OVERLAY_OPTION_VALUE', 'lower'));
  });

  test('raw values that would fall apart', () => {
    expect(() => text({ options: { raw: { future: 'a,b' } } })).toThrow(
      refusal('ERR_OVERLAY_OPTION_VALUE', 'future'),
    );
  });

  test('attributes that exclude each other', () => {
    const attributes = { noatime: true, strictatime: true };
    expect(() => text({ attributes })).toThrow(refusal('ERR_OVERLAY_OPTION_VALUE', 'strictatime'));
  });
});
