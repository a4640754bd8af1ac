import { expect } from 'vitest';
import { findRefusedOptions } from '../../lib/diagnosis/option-facts.ts';
import { EINVAL } from '../../lib/kernel/errno.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { runFaked } from '../support/fake-errno.ts';
import { privileged } from '../support/privilege.ts';

privileged('tells those that the kernel refuses, with its words', async () => {
  const parameters = [{ key: 'index', value: 'on' }, { key: 'bogus' }, { key: 'xino', value: 'never' }];
  const refused = await runAsync(findRefusedOptions(parameters));
  expect(refused.map(({ parameter: { key }, errno }) => [key, errno])).toEqual([
    ['bogus', EINVAL],
    ['xino', EINVAL],
  ]);
  for (const { words } of refused) expect(words).toMatch(/^overlay: /);
});
privileged('says nothing of no options', () => {
  expect(runSync(findRefusedOptions([]))).toEqual([]);
});
privileged('says nothing when everything is refused', () => {
  const script = `
    import { explainSync } from 'overlayfs';
    console.log(explainSync({ lower: ['/usr', '/etc'], options: { raw: { bogus: '1' } } }).map((f) => f.code).join());`;
  expect(runFaked(['fsconfig=EINVAL'], script).stdout).not.toContain('OPTION_REFUSED');
});
