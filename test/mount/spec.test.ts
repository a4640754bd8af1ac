// What a spec may be: every wrong one is refused with a code, an option and a hint, before any system call.
import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { OVERLAY_OPTIONS } from '../../lib/format/options.ts';
import { LAYER_LIMIT, readSpec } from '../../lib/mount/spec.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf, forms } from './forms.ts';

const lower = '/nowhere/lower';
const upper = '/nowhere/upper';
const work = '/nowhere/work';

type Row = readonly [name: string, spec: unknown, expected: Record<string, unknown>];

const type = (option: string, more = {}) => ({ code: 'ERR_OVERLAY_INVALID_TYPE', option, ...more });
const value = (option: string) => ({ code: 'ERR_OVERLAY_INVALID_VALUE', option });
const conflict = (option: string) => ({ code: 'ERR_OVERLAY_OPTION_CONFLICT', option });
const useless = (option: string) => ({ code: 'ERR_OVERLAY_USELESS_OPTION', option });
const unknown = (option: string, hint: unknown) => ({ code: 'ERR_OVERLAY_UNKNOWN_OPTION', option, hint });

const rows: readonly Row[] = [
  ['nothing', undefined, type('spec')],
  ['null', null, type('spec')],
  ['a string', '/lower', type('spec')],
  ['no lower', {}, { code: 'ERR_OVERLAY_NO_LOWER', option: 'lower' }],
  ['an empty list of lowers', { lower: [] }, { code: 'ERR_OVERLAY_NO_LOWER', option: 'lower' }],
  ['a number as lower', { lower: 7 }, type('lower', { index: 0 })],
  ['null as lower', { lower: null }, type('lower', { index: 0 })],
  ['null among lowers', { lower: [lower, null] }, type('lower', { index: 1 })],
  ['an array in an array', { lower: [[lower]] }, type('lower', { index: 0 })],
  ['a hole among lowers', { lower: [lower, undefined, lower] }, type('lower', { index: 1 })],
  ['a function as data layer', { lower, data: [() => lower] }, type('data', { index: 0 })],
  ['true as upper', { lower, upper: true }, type('upper')],
  ['null as upper', { lower, upper: null }, type('upper')],
  ['a symbol as work', { lower, upper, work: Symbol('work') }, type('work')],
  ['a list as target', { lower, target: ['/nowhere'] }, type('target')],
  ['an object with fd as target', { lower, target: { fd: 0 } }, type('target')],
  ['null as target', { lower, target: null }, type('target')],
  ...[-1, 1.5, Number.NaN, '3', 2 ** 31, null, 3n].map(
    (fd): Row => [
      `the descriptor ${typeof fd === 'bigint' ? '3n' : JSON.stringify(fd)}`,
      { lower: [lower, { fd }] },
      { code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', option: 'lower', index: 1 },
    ],
  ),
  ['an empty lower', { lower: [''] }, { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'lower', index: 0 }],
  ['an empty upper', { lower, upper: '' }, { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'upper' }],
  ['an empty target', { lower, target: '' }, { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'target' }],
  ['no bytes', { lower: Buffer.alloc(0) }, { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'lower' }],
  ['a NUL in text', { lower, upper: '/a\0b' }, { code: 'ERR_OVERLAY_NUL_BYTE', option: 'upper' }],
  ['a NUL in bytes', { lower, target: Buffer.from('/a\0b') }, { code: 'ERR_OVERLAY_NUL_BYTE' }],
  ['a NUL in a URL', { lower: new URL('file:///a%00b') }, { option: 'lower' }],
  ['a lone surrogate', { lower: '/a\ud800' }, { code: 'ERR_OVERLAY_INVALID_PATH', option: 'lower' }],
  ['a URL of the web', { lower: new URL('http://x/y') }, { code: 'ERR_OVERLAY_INVALID_PATH' }],
  ['an encoded slash', { lower, upper: new URL('file:///a%2fb') }, { code: 'ERR_OVERLAY_INVALID_PATH' }],
  ['work without upper', { lower, work }, { code: 'ERR_OVERLAY_WORK_WITHOUT_UPPER', option: 'work' }],
  ['mount(8)’s name of a part', { lowerdir: '/l' }, unknown('lowerdir', 'did you mean lower?')],
  [
    'an option as a part',
    { lower, metacopy: true },
    unknown('metacopy', 'it is an option: options: { metacopy: … }'),
  ],
  [
    'an attribute as a part',
    { lower, noexec: true },
    unknown('noexec', 'it is an attribute: attributes: { noexec: true }'),
  ],
  ['a part that is misspelt', { lower, uper: upper }, unknown('uper', 'did you mean upper?')],
  ['a part of mount(2)', { lowerdir: lower }, unknown('lowerdir', expect.stringContaining('lower'))],
  ['mkdir that is no boolean', { lower, mkdir: 'yes' }, type('mkdir')],
  ['shareUpper that is no boolean', { lower, shareUpper: 1 }, type('shareUpper')],
  ['an unknown guard', { lower, guard: 'none' }, value('guard')],
  ['a guard that is no string', { lower, guard: true }, type('guard')],
  ['an unknown via', { lower, via: 'open_tree' }, value('via')],
  ['an unknown propagation', { lower, propagation: 'rshared' }, value('propagation')],
  ['a number as propagation', { lower, propagation: 1 }, type('propagation')],
  ['a number as source', { lower, source: 1 }, type('source')],
  ['an empty source', { lower, source: '' }, value('source')],
  ['a source with NUL', { lower, source: 'a\0' }, value('source')],
  ['a source that is too long', { lower, source: 'x'.repeat(256) }, value('source')],
  ['an unknown rootless', { lower, rootless: 'yes' }, type('rootless')],
  ['options that are no object', { lower, options: 'index=on' }, type('options')],
  ['options that are a list', { lower, options: ['index'] }, type('options')],
  ['a misspelt option', { lower, options: { indx: true } }, unknown('indx', 'did you mean index?')],
  [
    "the kernel's spelling",
    { lower, options: { redirect_dir: 'on' } },
    unknown('redirect_dir', /redirectDir/),
  ],
  ['an attribute as option', { lower, options: { ro: true } }, unknown('ro', /attributes/)],
  ['a value of the wrong type', { lower, upper, options: { index: 'on' } }, type('index')],
  ['an unknown value', { lower, options: { xino: 'maybe' } }, value('xino')],
  ['raw that repeats', { lower, options: { raw: { index: 'on' } } }, conflict('raw')],
  ['raw with a layer', { lower, options: { raw: { upperdir: '/u' } } }, conflict('raw')],
  ['raw that is no string', { lower, options: { raw: { new: 1 } } }, type('raw')],
  ['raw with NUL', { lower, options: { raw: { new: 'a\0' } } }, value('raw')],
  ['volatile without upper', { lower, options: { volatile: true } }, useless('volatile')],
  ['index without upper', { lower, options: { index: true } }, useless('index')],
  ['attributes that are no object', { lower, attributes: 'ro' }, type('attributes')],
  ['an unknown attribute', { lower, attributes: { readonly: true } }, unknown('readonly', /readOnly/)],
  ["mount(8)'s word", { lower, attributes: { ro: true } }, unknown('ro', /readOnly/)],
  ['an attribute of the wrong type', { lower, attributes: { nodev: 'yes' } }, type('nodev')],
  ['two ways of atime', { lower, attributes: { noatime: true, strictatime: true } }, conflict('strictatime')],
  // Each pair that the option table calls a conflict.
  ...OVERLAY_OPTIONS.flatMap((row) =>
    row.conflicts.flatMap(({ value: own, other, values }) =>
      values.map(
        (theirs): Row => [
          `${row.name}: ${own} with ${other}: ${theirs}`,
          { lower, upper, options: { [row.name]: own, [other]: theirs } },
          conflict(row.name),
        ],
      ),
    ),
  ),
];

// In the table a hint may be a pattern.
const expectation = (expected: Record<string, unknown>) => ({
  ...expected,
  ...(expected.hint instanceof RegExp && { hint: expect.stringMatching(expected.hint) }),
});

describe.each(forms)('$name', (form) => {
  test.each(rows)('refuses %s', async (_, spec, expected) => {
    const error = await errorOf(() => form.mount(spec as MountSpec));
    expect(error).toMatchObject(expectation(expected));
    expect(error.hint).not.toBe('');
    // No call failed: none was made.
    expect(error).not.toHaveProperty('errno');
    expect(error).not.toHaveProperty('syscall');
  });
});

test('a wrong option is found before the directories are looked for or made', async () => {
  const scratch = scratchDirectory();
  const spec = { lower: '/nowhere', upper: scratch.join('u'), target: scratch.join('m'), mkdir: true };
  for (const more of [
    { via: 'x' },
    { options: { metacopy: true, redirectDir: 'off' } },
    { propagation: 1 },
  ]) {
    await errorOf(() => forms[1]!.mount({ ...spec, ...more } as unknown as MountSpec));
    expect(existsSync(scratch.join('u'))).toBe(false);
  }
});

test('validation makes no system call of ours at all', () => {
  // Whatever the addon would call ends the process.
  const script = `
    import { mountSync } from 'overlayfs';
    const codes = [{}, { lower: '/l', uper: '/u' }, { lower: '/l', options: { metacopy: true, redirectDir: 'off' } }]
      .map((spec) => { try { mountSync(spec); } catch (error) { return [error.code, error.syscall ?? null]; } });
    console.log(JSON.stringify(codes));`;
  const rules = ['fsopen', 'mount', 'flock', 'listmount', 'statmount', 'move_mount', 'mkdirat', 'openat2'];
  const { stdout } = runFaked(
    rules.map((call) => `${call}=EPERM`),
    script,
  );
  expect(JSON.parse(stdout)).toEqual([
    ['ERR_OVERLAY_NO_LOWER', null],
    ['ERR_OVERLAY_UNKNOWN_OPTION', null],
    ['ERR_OVERLAY_OPTION_CONFLICT', null],
  ]);
});

test('what is left out has the value that the documentation says', () => {
  expect(readSpec({ lower: '/l' })).toMatchObject({
    lower: [{ option: 'lower', index: 0, path: '/l', absolute: '/l' }],
    data: [],
    upper: undefined,
    work: undefined,
    target: undefined,
    parameters: [],
    attributes: {},
    attributeBits: 0,
    propagation: undefined,
    source: 'overlay',
    shareUpper: false,
    guard: 'quick',
    via: 'auto',
    mkdir: false,
  });
  expect(LAYER_LIMIT).toBe(500);
});

test('undefined stands for absent, in the spec and in what it holds', () => {
  const spec = { lower: '/l', upper: undefined, work: undefined, target: undefined, data: undefined };
  const more = { options: { index: undefined }, attributes: { nodev: undefined }, via: undefined };
  expect(readSpec({ ...spec, ...more })).toMatchObject({ parameters: [], attributeBits: 0, via: 'auto' });
});

test('a made-up home is expanded in the hint only', () => {
  const script = `
    import { mountSync } from 'overlayfs';
    const of = (spec) => { try { mountSync(spec); } catch ({ code, option, path, hint }) { return { code, option, path, hint }; } };
    console.log(JSON.stringify([of({ lower: '~/layer' }), of({ lower: '/l', upper: '~' }), of({ lower: '/l', target: '~/m' })]));`;
  const found = printedJson<unknown[]>(
    runFaked(kernels.withoutNewMountApi, script, { env: { HOME: '/home/me' } }),
  );
  expect(found).toMatchObject([
    {
      code: 'ERR_OVERLAY_TILDE',
      option: 'lower',
      path: '~/layer',
      hint: expect.stringContaining('"/home/me/layer"'),
    },
    { code: 'ERR_OVERLAY_TILDE', option: 'upper', path: '~', hint: expect.stringContaining('"/home/me"') },
    { code: 'ERR_OVERLAY_TILDE', option: 'target', hint: expect.stringContaining('"./~/m"') },
  ]);
});
