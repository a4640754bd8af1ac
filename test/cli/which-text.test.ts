import { expect, test } from 'vitest';
import { lookWords, whichText } from '../../lib/cli/which-text.ts';
import { OverlayError } from '../../lib/index.ts';
import type { LayerLook } from '../../lib/layer/index.ts';

const lower = (index: number) => ({ layer: { kind: 'lower', index } as const });
const upper = { layer: { kind: 'upper', index: 0 } as const };
const look = (part: Partial<LayerLook>): LayerLook => ({ ...upper, place: 'a', role: 'hidden', ...part });
const error = new OverlayError([{ code: 'ERR_X', sentence: 'it is broken', hint: 'mend it' }]);

test.each([
  [look({ role: 'shown', type: 'directory', opaque: true }), 'directory (opaque)'],
  [
    look({ role: 'shown', type: 'file', metacopy: true, redirect: '/b' }),
    'file (redirect to /b, metadata alone)',
  ],
  [look({ role: 'content', type: 'file' }), 'file, gives the content'],
  [look({ role: 'passed', type: 'file' }), 'file, passed over: its content is further down'],
  [look({ role: 'deletes', whiteout: 'xattr' }), 'whiteout (attribute): deleted here'],
  [look({ role: 'absent' }), '-'],
  [look({ role: 'unreadable', error }), 'cannot be read; it is broken'],
  [
    look({ type: 'file', hiddenBy: { ...upper, place: '.', why: 'opaque' } }),
    'file, hidden: below . of upper, which is opaque',
  ],
  [
    look({ type: 'file', hiddenBy: { ...lower(1), place: 'd\n', why: 'redirect' } }),
    'file, hidden: not where d\\n of lower 1 leads by its redirect',
  ],
])('%#: one layer in words', (given, words) => {
  expect(lookWords(given)).toBe(words);
});
test('only the layers that answer stand out', () => {
  const painted: string[] = [];
  const paint = (text: string, ...styles: readonly string[]) => {
    painted.push(`${styles.join()}: ${text}`);
    return text;
  };
  const layers = [
    look({ role: 'deletes', whiteout: 'device' }),
    look({ ...lower(0), type: 'file', hiddenBy: { ...upper, place: 'a', why: 'whiteout' } }),
  ];
  expect(
    whichText({ path: 'a', findings: [], layers }, { lower: ['/l'], upper: { fd: 7 } }, { paint }),
  ).toEqual([
    'a: deleted by upper',
    '  upper    descriptor 7/a  whiteout (device 0:0): deleted here',
    '  lower 0  /l/a            file, hidden: deleted by the whiteout a of upper',
  ]);
  expect(painted.map((text) => text.split(':')[0])).toEqual(['bold', 'dim', 'dim']);
});
test('what an overlay fails with comes first', () => {
  const [head] = whichText(
    { path: 'a', findings: [], layers: [], error },
    { lower: '/l' },
    { paint: (text) => text },
  );
  expect(head).toBe('a: an overlay fails here: it is broken');
});
