// What a test expects in few words: lines and parts of changes against changes, and how a difference is shown.
import { AssertionError } from 'node:assert';
import { expect, test } from 'vitest';
import type { Change } from '../../lib/layer/index.ts';
import { changeLine, judge } from '../../lib/testing/expected-changes.ts';
import { assertChanges, type ExpectedChange, overlayMatchers } from '../../lib/testing/index.ts';
import { errorOf } from '../mount/forms.ts';

const change = (kind: Change['kind'], path: Change['path'], more: Partial<Change> = {}): Change => ({
  kind,
  path,
  type: 'file',
  what: [],
  ...more,
});

const changes: Change[] = [
  change('modified', '.', { type: 'directory', what: ['mode'] }),
  change('modified', 'config.json', { what: ['content', 'owner'] }),
  change('deleted', 'old', { type: 'directory' }),
  change('added', 'new name', { from: 'former', what: ['content'] }),
  change('added', 'line\nbreak'),
  change('added', Buffer.from([0xff, 0x41])),
  change('added', 'second', { linkTo: 'config.json' }),
  change('added', 'to', { type: 'symlink' }),
];
const lines = [
  'modified . (mode)',
  'modified config.json (content, owner)',
  'deleted old/',
  'added new name (from former, content)',
  'added "line\\nbreak"',
  'added "ÿA"',
  'added second (hard link to config.json)',
  'added to (symlink)',
];

test('a change is one line', () => {
  expect(changes.map(changeLine)).toEqual(lines);
});

const same: [string, ExpectedChange[]][] = [
  ['whole lines', lines],
  ['in another order', lines.toReversed()],
  ['lines without their ends', lines.map((line) => line.replace(/ \(.*\)$|\/$/, ''))],
  ['the changes themselves', changes],
  ['their paths alone', changes.map(({ path }) => ({ path }))],
  [
    'parts, in another order',
    changes.map(({ path, kind, what }) => ({ path, kind, what: what.toReversed() })),
  ],
];
test.each(same)('the same: %s', (_, expected) => {
  expect(judge(changes, expected)).toEqual({
    pass: true,
    actual: lines,
    expected: expect.arrayContaining(lines),
  });
});

const different: [string, ExpectedChange[], string[], string[]][] = [
  ['one is missing', [...lines, 'added zz'], [], ['added zz']],
  ['one too many', lines.slice(1), ['modified . (mode)'], []],
  ['twice', [...lines, lines[2]!], [], ['deleted old/']],
  ['another kind', lines.with(2, 'added old/'), ['deleted old/'], ['added old/']],
  ['a directory, expected as a file', lines.with(7, 'added to/'), ['added to (symlink)'], ['added to/']],
  [
    'another part',
    [...changes.toSpliced(1, 1), { path: 'config.json', what: ['content'] }],
    ['modified config.json (content, owner)'],
    ['changed config.json (content)'],
  ],
  [
    'another name before',
    [...changes.toSpliced(3, 1), { path: 'new name', from: 'other' }],
    ['added new name (from former, content)'],
    ['changed new name (from other)'],
  ],
];
test.each(different)('different: %s', (_, wanted, surplus, lacking) => {
  const { pass, actual, expected } = judge(changes, wanted);
  expect(pass).toBe(false);
  const rest = (from: readonly string[], of: readonly string[]) => {
    const left = [...of];
    return from.filter((line) => !left.includes(line) || !left.splice(left.indexOf(line), 1));
  };
  expect([rest(actual, expected), rest(expected, actual)]).toEqual([surplus, lacking]);
});

test.each([
  ['no list', 'added x', 'ERR_OVERLAY_INVALID_TYPE'],
  ['a line without a kind', ['config.json'], 'ERR_OVERLAY_INVALID_VALUE'],
  ['a line of another kind', ['removed config.json'], 'ERR_OVERLAY_INVALID_VALUE'],
  ['a change without a path', [{ kind: 'added' }], 'ERR_OVERLAY_INVALID_TYPE'],
  ['nothing', [null], 'ERR_OVERLAY_INVALID_TYPE'],
])('refused: %s', async (_, wanted, code) => {
  expect((await errorOf(() => judge(changes, wanted as never))).code).toBe(code);
});

expect.extend(overlayMatchers);
declare module 'vitest' {
  // biome-ignore lint/suspicious/noExplicitAny: as vitest declares it
  interface Matchers<T = any> extends ChangeMatchers {}
}

import type { ChangeMatchers } from '../../lib/testing/index.ts';

const fork = { changes: async () => changes };

test('the matcher of expect', async () => {
  await expect(fork).toHaveChanges();
  await expect(fork).toHaveChanges(lines);
  await expect(changes).toHaveChanges(lines);
  await expect(fork).not.toHaveChanges(['added x']);
  await expect([]).not.toHaveChanges();
  await expect([]).toHaveChanges([]);
  await expect(expect(fork).not.toHaveChanges()).rejects.toThrow(
    /no changes, and it has 8:\n {2}modified \./,
  );
  await expect(expect([]).toHaveChanges()).rejects.toThrow(/and it has none/);
  await expect(expect(fork).not.toHaveChanges(lines)).rejects.toThrow(/other changes than:\n {2}modified/);
  const error = await expect(fork)
    .toHaveChanges(lines.slice(1))
    .then(
      () => undefined,
      (caught: Error) => caught,
    );
  // biome-ignore lint/suspicious/noControlCharactersInRegex: colours
  const text = error!.message.replace(/\x1b\[\d+m/g, '');
  expect(text).toMatch(/these changes and no others:\n\n- Expected\n\+ Received\n/);
  expect(text).toMatch(/^\+ {3}"modified \. \(mode\)",$/m);
  expect((await errorOf(() => expect('/tmp').toHaveChanges())).code).toBe('ERR_OVERLAY_INVALID_TYPE');
});

test('the assertion for node:assert', async () => {
  await assertChanges(fork, lines);
  await assertChanges(changes, lines);
  const error = await assertChanges(fork, ['added x']).then(
    () => undefined,
    (caught: unknown) => caught,
  );
  expect(error).toBeInstanceOf(AssertionError);
  expect(error).toMatchObject({ code: 'ERR_ASSERTION', actual: lines, expected: ['added x'] });
  expect((error as Error).message).toMatch(/^- {3}'added x'/m);
});
