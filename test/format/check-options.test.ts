import { describe, expect, test } from 'vitest';
import { checkOptions, OVERLAY_OPTIONS } from '../../lib/format/options.ts';
import fc from '../support/fast-check.ts';

const writable = { upper: true, data: false };
const readOnly = { upper: false, data: false };
const problem = (options: unknown, stack = writable): unknown => checkOptions(options, stack);

test.each(OVERLAY_OPTIONS.flatMap((row) => row.values.map((value) => [row.name, value] as const)))(
  'lets %s: %s pass alone, over an upper',
  (name, value) => {
    expect(problem({ [name]: value })).toBeUndefined();
  },
);

describe('conflicts', () => {
  const pairs = OVERLAY_OPTIONS.flatMap((row) =>
    row.conflicts.flatMap((conflict) => conflict.values.map((value) => [row.name, conflict, value] as const)),
  );

  test.each(pairs)('%s and the option that it excludes are refused (%#)', (name, conflict, value) => {
    const options = { [conflict.other]: value, [name]: conflict.value };
    expect(problem(options)).toMatchObject({ kind: 'conflict', option: name, other: conflict.other });
    if (conflict.withUpperOnly) expect(problem(options, readOnly)).toBeUndefined();
  });

  test('what the kernel takes together passes', () => {
    for (const options of [
      { metacopy: true, redirectDir: 'on', verity: 'require', index: true },
      { metacopy: false, verity: 'on', redirectDir: 'nofollow' },
      { userxattr: true, redirectDir: 'nofollow', verity: 'require', nfsExport: true, metacopy: false },
      { nfsExport: true, index: true, redirectDir: 'on', verity: 'on' },
      { nfsExport: false, index: false },
      { volatile: false, fsync: 'strict' },
    ]) {
      expect(problem(options)).toBeUndefined();
    }
  });

  test('names both options and a way out', () => {
    expect(problem({ metacopy: true, redirectDir: 'off' })).toEqual({
      kind: 'conflict',
      option: 'metacopy',
      other: 'redirectDir',
      sentence: "metacopy: true and redirectDir: 'off' exclude each other",
      hint: "leave redirectDir out or set it to 'on', metacopy needs it",
    });
  });
});

describe('without an upper', () => {
  test.each([
    [{ volatile: true }, 'volatile'],
    [{ index: true }, 'index'],
    [{ uuid: 'on' }, 'uuid'],
    [{ uuid: 'off' }, 'uuid'],
    [{ fsync: 'strict' }, 'fsync'],
    [{ nfsExport: true }, 'nfsExport'],
    [{ nfsExport: true, redirectDir: 'off' }, 'nfsExport'],
    [{ nfsExport: true, userxattr: true }, 'nfsExport'],
  ])('%o would be dropped silently and is refused', (options, option) => {
    expect(problem(options, readOnly)).toMatchObject({ kind: 'useless', option });
    expect(problem(options)).toBeUndefined();
  });

  test.each([
    { nfsExport: true, redirectDir: 'nofollow' },
    { nfsExport: true, index: true, redirectDir: 'nofollow' },
    { index: false, volatile: false, uuid: 'null', fsync: 'auto' },
    { metacopy: true, verity: 'on', xino: 'on', defaultPermissions: true, overrideCreds: false },
  ])('%o has its effect and passes', (options) => {
    expect(problem(options, readOnly)).toBeUndefined();
  });
});

describe('names', () => {
  test.each([
    ['redirect_dir', 'did you mean redirectDir?'],
    ['nooverride_creds', 'did you mean overrideCreds?'],
    ['metaCopy', 'did you mean metacopy?'],
    ['volatil', 'did you mean volatile?'],
    ['idnex', 'did you mean index?'],
    ['lowerdir', "use the spec's lower"],
    ['upperdir', "use the spec's upper"],
    ['target', "use the spec's target"],
    ['ro', 'use attributes: { readOnly: true }'],
    ['nosuid', 'use attributes: { nosuid: true }'],
    ['entirelyDifferent', 'pass an option that this release does not know yet as options.raw'],
    ['__proto__x', 'pass an option that this release does not know yet as options.raw'],
  ])('%s is unknown, and the hint says: %s', (name, hint) => {
    expect(problem({ [name]: true })).toMatchObject({ kind: 'unknown', option: name, hint });
  });
});

describe('values', () => {
  test.each([
    [{ index: 'on' }, 'type', 'write true'],
    [{ metacopy: 'off' }, 'type', 'write false'],
    [{ index: 1 }, 'type', 'use true or false'],
    [{ index: null }, 'type', 'use true or false'],
    [{ redirectDir: true }, 'type', "use 'on', 'off', 'follow' or 'nofollow'"],
    [{ redirectDir: 'yes' }, 'value', "use 'on', 'off', 'follow' or 'nofollow'"],
    [{ fsync: 'volatile' }, 'value', 'write volatile: true, which older kernels know too'],
    [{ xino: [] }, 'type', "use 'on', 'off' or 'auto'"],
    [{ xino: () => 'on' }, 'type', "use 'on', 'off' or 'auto'"],
  ])('%o is refused', (options, kind, hint) => {
    expect(problem(options)).toMatchObject({ kind, option: Object.keys(options)[0], hint });
  });

  test('undefined counts as absent', () => {
    expect(problem({ index: undefined, raw: undefined, whatever: undefined })).toBeUndefined();
  });

  test.each([null, undefined, 'index=on', 7, true, ['index']])(
    'options that are no object are refused: %o',
    (options) => {
      expect(problem(options)).toMatchObject({ kind: 'type', option: 'options' });
    },
  );
});

describe('raw', () => {
  test.each([
    'index',
    'redirect_dir',
    'override_creds',
    'nooverride_creds',
    'lowerdir',
    'lowerdir+',
    'datadir+',
    'upperdir',
    'workdir',
    'source',
    'ro',
  ])('may not repeat %s', (key) => {
    expect(problem({ raw: { [key]: 'x' } })).toMatchObject({ kind: 'conflict', option: 'raw' });
  });

  test.each(['', 'a\0b', 'a=b', 'a,b'])('may not have the key %j', (key) => {
    expect(problem({ raw: { [key]: true } })).toMatchObject({ kind: 'value', option: 'raw' });
  });

  test('values are strings without NUL, or true', () => {
    expect(problem({ raw: { future: 'a\0b' } })).toMatchObject({ kind: 'value' });
    expect(problem({ raw: { future: false } })).toMatchObject({ kind: 'type' });
    expect(problem({ raw: { future: 1 } })).toMatchObject({ kind: 'type' });
    expect(problem({ raw: 'future' })).toMatchObject({ kind: 'type' });
    expect(problem({ raw: { future: '', lazytime: true, context: 'a:b:c,d' } })).toBeUndefined();
  });
});

test('never throws, whatever it is given', () => {
  fc.assert(
    fc.property(
      fc.anything(),
      fc.boolean(),
      (options, upper) => void problem(options, { upper, data: !upper }),
    ),
  );
});
