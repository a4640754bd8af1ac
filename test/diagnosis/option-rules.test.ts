import { expect, test } from 'vitest';
import { OPTION_RULES } from '../../lib/diagnosis/option-rules.ts';
import { applyRules } from '../../lib/diagnosis/rule.ts';
import { EINVAL, EPERM } from '../../lib/kernel/errno.ts';
import { codes, facts } from './facts.ts';

const refused = (key: string, errno: number = EINVAL) => ({
  refusedOptions: [{ parameter: { key, value: '1' }, errno, words: 'the words' }],
});

test('says nothing when nothing is refused, or not for what the option is', () => {
  expect(codes(OPTION_RULES, {})).toEqual([]);
  expect(codes(OPTION_RULES, refused('bogus', EPERM))).toEqual([]);
});

test.each([
  ['bogus', 'leave it out'],
  ['indx', 'did you mean index?'],
  ['context', 'SELinux'],
  ['noatime', 'attributes: { noatime: true }'],
  ['bind', 'mount(8)'],
  ['x-systemd.automount', 'mount(8)'],
])('gives the words of the kernel and advice for %s', (key, advice) => {
  const [found] = applyRules(OPTION_RULES, facts(refused(key)));
  expect(found!.finding).toMatchObject({ code: 'ERR_OVERLAY_OPTION_REFUSED', option: key });
  expect(found!.finding.sentence).toContain(`${key}=1: this kernel refuses it, and says: the words`);
  expect(found!.finding.hint).toContain(advice);
});
