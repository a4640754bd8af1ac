import { parseArgs } from 'node:util';
import { expect, test } from 'vitest';
import { readFlags, UsageError } from '../../lib/cli/flags.ts';
import fc from '../support/fast-check.ts';

const rows = {
  lower: { value: 'DIR', repeatable: true, about: '' },
  upper: { value: 'DIR', about: '' },
  via: { value: 'CALLS', choices: ['auto', 'fsopen', 'mount'], about: '' },
  json: { short: 'j', about: '' },
  options: { short: 'o', value: 'TEXT', about: '' },
} as const;

test('flags and words in any order, values after = or a blank, letters together', () => {
  const given = readFlags(['a', '--lower=x', '--json', '--lower', 'y', '-joro', '--', '--upper'], rows);
  expect(given.words).toEqual(['a', '--upper']);
  expect([given.texts('lower'), given.text('options'), given.has('json'), given.has('upper')]).toEqual([
    ['x', 'y'],
    'ro',
    true,
    false,
  ]);
});

test.each([
  [['--lowr', 'x'], 'there is no flag --lowr; did you mean --lower?'],
  [['--frobnicate'], 'there is no flag --frobnicate'],
  [['-x'], 'there is no flag -x'],
  [['--constructor'], 'there is no flag --constructor'],
  [['--upper'], '--upper needs a value: DIR'],
  [
    ['--upper', '--json'],
    '--upper needs a value, and --json looks like a flag; if it is the value, write --upper=--json',
  ],
  [['-o', '-j'], '-o needs a value, and -j looks like a flag; if it is the value, write -o-j'],
  [['--json=yes'], '--json takes no value, and "yes" was given'],
  [['--upper', 'a', '--upper', 'b'], '--upper is given more than once'],
  [['--via', 'fsopn'], '--via cannot be "fsopn"; did you mean fsopen?'],
  [['--via', 'x'], '--via cannot be "x"; it takes auto, fsopen, mount'],
])('%j is refused', (args, sentence) => {
  expect(() => readFlags(args, rows)).toThrow(new UsageError(sentence));
});
test('a value that looks like a flag is taken after =, and - alone always', () => {
  expect(readFlags(['--upper=--json', '-o', '-'], rows).texts('upper')).toEqual(['--json']);
});

// Which words are flags, and which of them are values, is what parseArgs of Node says.
const word = fc.oneof(
  fc.constantFrom(...'-- - -j -o -x -jx -jo -jov -ov -jj --json --json=1 --options --options='.split(' ')),
  fc.constantFrom(
    ...'--options=x --lower --lower=a --nope --nope=1 x --= --=x -= --- -j=1 -o=1'.split(' '),
    '',
  ),
  fc.string({ maxLength: 4 }),
);

/** As parseArgs splits them, up to the first flag that there is not. */
function tokensOf(args: string[]): { words: string[]; flags: [string, string | true][]; unknown?: string } {
  const options = {
    lower: { type: 'string' },
    json: { type: 'boolean', short: 'j' },
    options: { type: 'string', short: 'o' },
  } as const;
  const split = { words: [] as string[], flags: [] as [string, string | true][] };
  const { tokens } = parseArgs({ args, options, strict: false, tokens: true, allowPositionals: true });
  for (const token of tokens) {
    if (token.kind === 'positional') split.words.push(token.value);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(options, token.name)) return { ...split, unknown: token.rawName };
    split.flags.push([token.name, token.value ?? true]);
  }
  return split;
}

test('words are split as parseArgs of node:util splits them', () => {
  const seen = { read: 0, unknown: 0 };
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (args) => {
      const { words, flags, unknown } = tokensOf(args);
      try {
        const given = readFlags(args, rows);
        expect([given.words, unknown]).toEqual([words, undefined]);
        for (const name of ['lower', 'options'])
          expect(given.texts(name)).toEqual(
            flags.filter(([flag]) => flag === name).map(([, value]) => value),
          );
        expect(given.has('json')).toBe(flags.some(([flag]) => flag === 'json'));
        seen.read += 1;
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        // Other complaints are about what a value is, and come before a later flag is looked at.
        const [, named] = /^there is no flag (.*?)(?:; did you mean --\w+\?)?$/s.exec(error.message) ?? [];
        if (named === undefined) return;
        expect(named).toBe(unknown);
        seen.unknown += 1;
      }
    }),
    { numRuns: 3000 },
  );
  expect(Math.min(seen.read, seen.unknown)).toBeGreaterThan(100);
});
