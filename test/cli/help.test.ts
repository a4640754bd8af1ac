import { expect, test } from 'vitest';
import { commandHelp, programHelp } from '../../lib/cli/help.ts';

test("a command's help names its forms, its flags, and what they do", () => {
  const text = commandHelp({
    summary: 'Does it.',
    usage: ['it A', 'it B'],
    about: ['More.'],
    flags: {
      lazy: { short: 'l', about: 'later' },
      how: { value: 'X', choices: ['a', 'b'], about: 'the way' },
      'a-very-long-flag-that-fits-nowhere': { value: 'DIRECTORY', about: 'own line' },
    },
    words: { min: 0, max: 0, what: '' },
    run: async () => 0,
  });
  expect(text.split('\n')).toEqual([
    'usage: overlayfs it A',
    '       overlayfs it B',
    '',
    'Does it.',
    '',
    'More.',
    '',
    '  -l, --lazy                      later',
    '      --how a|b                   the way',
    '      --a-very-long-flag-that-fits-nowhere DIRECTORY',
    '                                  own line',
  ]);
});
test("the program's help names all commands", () => {
  expect(programHelp(new Map([['tour', 'shows it']]))).toContain('\n  tour  shows it\n');
});
