import { expect, test } from 'vitest';
import { judge, TRIED } from '../../lib/cli/verdict.ts';
import type { Features } from '../../lib/index.ts';

const yes = { available: true, reason: 'done' } as const;
const no = { available: false, reason: 'EPERM', remedy: 'ask root' } as const;

function found(
  tried: object,
  userNamespaces: object,
  overlay: object = yes,
  rootless: object = no,
): Features {
  const answers = Object.fromEntries(TRIED.map((name) => [name, tried]));
  return { ...answers, userNamespaces, overlay, rootless } as Features;
}

test('what was mounted can be mounted', () => {
  expect(judge(found(yes, no))).toEqual({ canMount: true, sentence: 'This process can mount overlays.' });
});
test('what can be had detached alone is said with the way to others, where there is one', () => {
  expect(judge(found(no, yes, yes, yes))).toMatchObject({
    canMount: 'rootless',
    remedy: expect.stringContaining('unshare'),
  });
  expect(judge(found(no, no, yes, yes))).toMatchObject({ canMount: 'rootless', remedy: 'ask root' });
});
test('what only a user namespace allows is said with the way into one', () => {
  expect(judge(found(no, yes))).toMatchObject({
    canMount: 'namespace',
    reason: 'EPERM; without root: EPERM',
    remedy: expect.stringContaining('unshare'),
  });
});
test('what nothing allows is said with the remedy', () => {
  expect(judge(found(no, no))).toMatchObject({ canMount: false, reason: 'EPERM', remedy: 'ask root' });
  expect(judge(found(no, yes, no)).canMount).toBe(false);
});
