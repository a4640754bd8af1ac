import { expect, test } from 'vitest';
import { checkedText, wordsText } from '../../lib/diagnosis/checked.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { directory, facts } from './facts.ts';

const refusal = new KernelError({ errno: 1, syscall: 'openat', call: 'openat()', log: '', step: 0 });

test('says what was found in order', () => {
  const lower = [directory('/a', 'lower'), directory('/b', 'lower', { readOnly: true })];
  const asked = { parameters: [{ key: 'index', value: 'on' }, { key: 'volatile' }] };
  const text = checkedText(facts({ lower, asked }), []);
  for (const part of [
    'uid 0, CAP_SYS_ADMIN, initial user namespace',
    'the driver',
    'index=on, volatile',
    '2 lowers (ext4, ext4, read-only;',
    'upper and work (ext4;',
    '20 open of 1024',
    'the mount table (1 of 100000)',
  ]) {
    expect(text).toContain(part);
  }
  expect(text).not.toContain('Could not');
});

test('says only what was looked at', () => {
  const gone = { subject: directory('/a', 'lower').subject, errno: 2 };
  const text = checkedText(facts({ lower: [gone], upper: undefined, work: undefined }), undefined);
  expect(text).toContain('1 lower, of which 1 cannot be opened');
  expect(text).not.toMatch(/upper|options/);
});

test('says what could not be looked at', () => {
  const blind = facts({
    caller: { uid: 7, capSysAdmin: undefined, initialUserNamespace: undefined },
    driver: undefined,
    mounts: [],
    descriptors: { open: undefined, limit: undefined, none: false },
  });
  expect(checkedText(blind, refusal)).toMatch(
    /Could not be looked at: the mount table \(.*?\), the capabilities of this process \(.*, the kernel log \(\/dev\/kmsg: EPERM\)$/,
  );
});

test("gives the driver's words, where there are any", () => {
  expect(wordsText(['overlayfs: a', 'overlayfs: b'])).toContain('overlayfs: a; overlayfs: b');
  for (const none of [[], undefined, refusal]) expect(wordsText(none)).toBe('');
});
