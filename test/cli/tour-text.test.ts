import { expect, test } from 'vitest';
import { stepText } from '../../lib/cli/tour-text.ts';

const plain = { paint: (text: string) => text };

test('a title, a sentence, what to type, what to call, what came of it', () => {
  const step = {
    title: 'A step',
    sentence: 'It steps.',
    shell: ['ls'],
    call: ['await ls()'],
    directories: { upper: { a: '"1"', long: '"2"' }, merged: {} },
    files: { 'x/a': 'not there' },
    facts: ['ENXIO'],
  };
  expect(stepText(step, 3, plain)).toEqual([
    '',
    ' 3  A step',
    '    It steps.',
    '    $ ls',
    '    > await ls()',
    '      upper/   a        "1"',
    '               long     "2"',
    '      merged/  (empty)',
    '      x/a  not there',
    '      ENXIO',
  ]);
});
test('a step that shows nothing is short', () => {
  expect(stepText({ title: 'T', sentence: 'S.', shell: [], call: [] }, 10, plain)).toEqual([
    '',
    '10  T',
    '    S.',
  ]);
});
