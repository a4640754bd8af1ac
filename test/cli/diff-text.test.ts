import { expect, test } from 'vitest';
import { changeLine, inOrder, statLines, summary } from '../../lib/cli/diff-text.ts';
import { OverlayError } from '../../lib/index.ts';
import type { Change } from '../../lib/layer/index.ts';

const plain = { paint: (text: string) => text };
const error = new OverlayError([{ code: 'ERR_X', sentence: 'it cannot be read', hint: 'be root' }]);
const changes: Change[] = [
  { kind: 'modified', path: 'b', type: 'file', what: ['content', 'mtime'] },
  { kind: 'added', path: 'n\n', type: 'directory', what: [] },
  { kind: 'deleted', path: Buffer.from([0xff]), type: 'file', what: [] },
  { kind: 'added', path: 'new', type: 'directory', from: 'old', what: ['mtime'] },
  { kind: 'deleted', path: 'z', type: 'directory', what: [] },
  { kind: 'added', path: 'l', type: 'file', linkTo: 'b', what: [] },
  { kind: 'modified', path: '.', type: 'directory', what: ['mode'], error },
];

test('deletions first, then by the bytes of the path', () => {
  expect(inOrder(changes).map((change) => changeLine(change, plain))).toEqual([
    'D /z/',
    'D /\\xff',
    'C /  (mode)  it cannot be read',
    'C /b  (content, mtime)',
    'A /l  (hard link to /b)',
    'A /n\\n/',
    'R /new/  (from /old, mtime)',
  ]);
});
test('counts', () => {
  expect(summary(changes)).toBe('2 deleted, 1 renamed, 2 added, 2 changed');
  expect(summary([])).toBe('0 deleted, 0 renamed, 0 added, 0 changed');
  expect(statLines([...changes, ...Array<Change>(9).fill(changes[4]!)])).toContain('10 D directory');
});
