import { expect, test } from 'vitest';
import { bytesToWord, readArguments, wordsOf, wordToBytes, wordToPath } from '../../lib/cli/arguments.ts';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { privately, shell } from './run-program.ts';

test('any bytes survive the way through a word', () => {
  for (const bytes of [
    'plain',
    'grün 🌱',
    Buffer.from([0x61, 0xff, 0xc3, 0xbc, 0xc3]),
    Buffer.from([0x80]),
  ]) {
    expect(wordToBytes(bytesToWord(Buffer.from(bytes)))).toEqual(Buffer.from(bytes));
  }
});
test('a path is text where it is UTF-8, and bytes where it is not', () => {
  expect(wordToPath('/grün')).toBe('/grün');
  expect(wordToPath(bytesToWord(Buffer.from([0x2f, 0xff])))).toEqual(Buffer.from([0x2f, 0xff]));
});
test("the words of a command line are its last, when they are Node's", () => {
  const line = Buffer.concat([
    Buffer.from('node\0main.js\0list\0a'),
    Buffer.from([0xff]),
    Buffer.from('\0\0'),
  ]);
  const [list, odd, empty] = wordsOf(line, ['list', 'a\ufffd', '']);
  expect([list, wordToBytes(odd!), empty]).toEqual(['list', Buffer.from([0x61, 0xff]), '']);
  expect(wordsOf(Buffer.from('something\0else\0'), ['list'])).toEqual(['list']);
});
test('words without lost bytes are taken from Node', () => {
  expect(readArguments()).toEqual(process.argv.slice(2));
});
privileged('mounts, lists and unmounts paths that are no UTF-8', () => {
  const { path } = scratchDirectory();
  const script = `mkdir $'l\\xff' $'m\\xfe,: ' && "$O" mount --lower $'l\\xff' $'m\\xfe,: ' &&
    "$O" list --json && "$O" umount $'m\\xfe,: '`;
  const listed = printedJson<{ target: { bytes: string }; lower: { bytes: string }[] }[]>(
    shell(script, path, privately),
  );
  const mine = listed.find(({ target }) => typeof target === 'object')!;
  expect(Buffer.from(mine.target.bytes, 'base64').toString('latin1')).toBe(`${path}/m\xfe,: `);
  expect(Buffer.from(mine.lower[0]!.bytes, 'base64').toString('latin1')).toBe(`${path}/l\xff`);
});
