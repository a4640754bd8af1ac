import { expect, test } from 'vitest';
import { readFlags, UsageError } from '../../lib/cli/flags.ts';

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
