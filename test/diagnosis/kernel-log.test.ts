// The driver's own words on a refused mount, by both families and in both forms; and none where the log is closed.
import { describe, expect, test } from 'vitest';
import { wordsOf } from '../../lib/diagnosis/kernel-log.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { mount } from '../../lib/mount/mount.ts';
import { errorOf, ways } from '../mount/forms.ts';
import { runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('a refusal to read the log is what is known', () => {
  const refusal = new KernelError({ errno: 1, syscall: 'openat', call: 'openat()', log: '', step: 0 });
  expect(wordsOf(refusal, [])).toBe(refusal);
});

test('each line once', () => {
  const record = Buffer.from('3,1,2,-;overlayfs: overlapping lowerdir path\n');
  expect(wordsOf({ records: [record, record], alone: true }, [])).toEqual([
    'overlayfs: overlapping lowerdir path',
  ]);
});

describePrivileged('what the driver says', () => {
  describe.each(ways)('%s', (_, form, via) => {
    const wordsOn = async (spec: MountSpec) => (await errorOf(() => form.mount({ ...spec, via }))).kernelLog;

    test('names the path, or none, and stands in the error', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers({ lower: 1 });
      const gone = `${lower[0]}/gone`;
      const resolved = await wordsOn({ lower: [lower[0]!, gone], upper, work, target });
      expect(resolved).toEqual([expect.stringContaining(`'${gone}'`)]);
      // Lines without a path count only while nobody else makes the driver write, as other tests do.
      const twice = () => wordsOn({ lower: [lower[0]!, lower[0]!], upper, work, target });
      await expect.poll(twice).toHaveLength(1);
    });
    test('is nothing when the driver has no part in the failure', async () => {
      const scratch = scratchDirectory();
      const layers = scratch.layers();
      expect(await wordsOn({ ...layers, target: scratch.join('gone') })).toBeUndefined();
      expect(await wordsOn({ ...layers, lower: '' })).toBeUndefined();
    });
    test('tells why a mount would be read-only', async () => {
      const { lower, target } = scratchDirectory().layers();
      const spec = { lower, upper: '/sys/kernel', work: '/sys/module', target };
      expect(await wordsOn(spec)).toEqual([expect.stringContaining('/sys/module/work')]);
    });
  });

  test('of mounts that fail at the same time none gets what may be of another', async () => {
    const scratch = scratchDirectory();
    const failing = Array.from({ length: 8 }, (_, i) => {
      const lower = scratch.directory(`l${i}`);
      return errorOf(() => mount({ lower: [lower, i % 2 === 0 ? lower : `${lower}/gone`] }));
    });
    for (const [i, { kernelLog }] of (await Promise.all(failing)).entries()) {
      for (const line of kernelLog ?? []) if (line.includes('/')) expect(line).toContain(`/l${i}/`);
    }
  });

  test('cannot be read, and an error that nobody can explain says so', () => {
    const { lower } = scratchDirectory().layers({ lower: 2 });
    const script = `
      import { mountSync } from 'overlayfs';
      try { mountSync(JSON.parse(process.argv[1])); }
      catch ({ code, message, hint, kernelLog }) { console.log(JSON.stringify({ code, message, hint, kernelLog })); }`;
    const rules = ['fsconfig@1:6=EIO', 'openat:/dev/kmsg=EACCES'];
    const error = printedJson<{ code: string; message: string; hint: string }>(
      runFaked(rules, script, { args: [JSON.stringify({ lower, via: 'fsopen' })] }),
    );
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_UNEXPLAINED' });
    expect(error).not.toHaveProperty('kernelLog');
    expect(error.message).toContain('Could not be looked at: the kernel log (/dev/kmsg: EACCES)');
    expect(error.hint).toContain('dmesg');
  });
});
