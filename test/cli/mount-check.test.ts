import { expect, test } from 'vitest';
import { checkMount, requireLower } from '../../lib/cli/mount-check.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('says nothing when all is there', async () => {
  const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
  await expect(checkMount({ lower, upper, work, target, options: { index: true } })).resolves.toBeUndefined();
});
test.each([
  ['lower', 'nope', 'ERR_OVERLAY_NOT_FOUND'],
  ['upper', 'nope', 'ERR_OVERLAY_NOT_FOUND'],
  ['target', 'lower0/shared', 'ERR_OVERLAY_NOT_DIRECTORY'],
  ['work', 'lower0/shared/x', 'ERR_OVERLAY_NOT_DIRECTORY'],
])('names a missing %s', async (option, name, code) => {
  const scratch = scratchDirectory();
  const spec = { ...scratch.layers(), [option]: scratch.join(name) };
  await expect(checkMount(spec)).rejects.toMatchObject({ code, option, path: scratch.join(name) });
});
test('refuses what no kernel takes', async () => {
  const layers = scratchDirectory().layers();
  const options = { nfsExport: true, metacopy: true } as never;
  await expect(checkMount({ ...layers, options })).rejects.toMatchObject({
    code: 'ERR_OVERLAY_OPTION_CONFLICT',
  });
  const { upper: _, ...withoutUpper } = layers;
  await expect(checkMount(withoutUpper)).rejects.toMatchObject({ code: 'ERR_OVERLAY_WORK_WITHOUT_UPPER' });
  expect(() => requireLower({ lower: [] })).toThrow('lowerdir is missing');
});
