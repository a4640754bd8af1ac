import { chmodSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { markedPath, wrongPart } from '../../lib/cli/wrong-part.ts';
import { scratchDirectory } from '../support/scratch.ts';

const plain = { paint: (text: string) => text };

function marked(path: string | Buffer): string {
  const bytes = Buffer.from(path as string);
  const { start, end } = wrongPart(bytes);
  return bytes.toString('utf8', start, end);
}

test('the first name that is missing, is no directory, or leads nowhere', () => {
  const scratch = scratchDirectory();
  scratch.file('a/file');
  symlinkSync('nowhere', scratch.join('a/link'));
  expect(marked(scratch.join('a/gone/x/y'))).toBe('gone');
  expect(marked(`${scratch.path}//a///gone/`)).toBe('gone');
  expect(marked(scratch.join('a/file/x'))).toBe('file');
  expect(marked(scratch.join('a/link/x'))).toBe('link');
  expect(marked(scratch.join(`a/${'n'.repeat(300)}`))).toBe('n'.repeat(300));
  chmodSync(scratch.join('a'), 0o755);
});
test('all of it when it is a directory', () => {
  const { path } = scratchDirectory();
  expect(marked(path)).toBe(path);
  expect(marked('')).toBe('');
});
test('a line of ^ below it, also when the path cannot be shown as it is', () => {
  const path = Buffer.concat([Buffer.from('/é\n'), Buffer.of(0xff), Buffer.from('/gone/x')]);
  const start = path.indexOf('gone');
  expect(markedPath(path, { start, end: start + 4 }, plain)).toEqual(['/é\\n\\xff/gone/x', '         ^^^^']);
});
