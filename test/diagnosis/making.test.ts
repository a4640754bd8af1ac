// Directories that are to be made and cannot be: mount() and explain() say the same, by both families, and make nothing.
import { chmodSync, existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { explainSync } from '../../lib/mount/explain.ts';
import { errorOf, ways } from '../mount/forms.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { describePrivileged, privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';

type Part = 'upper' | 'work' | 'target';

describePrivileged('mkdir', () => {
  test.each<[string, (scratch: Scratch) => string, string, RegExp]>([
    [
      'on something read-only',
      (scratch) => {
        const bound = scratch.directory('bound');
        run('mount', '--bind', scratch.path, bound);
        run('mount', '-o', 'remount,bind,ro', bound);
        return `${bound}/new/deep`;
      },
      'NOT_MADE',
      /bound": it is read-only/,
    ],
    [
      'on a full filesystem',
      (scratch) => `${tmpfsMount({ inodes: 1, scratch }).path}/new`,
      'NOT_MADE',
      /no room/,
    ],
    ['on procfs', () => '/proc/overlayfs-new', 'NOT_MADE', /"\/proc": mkdir answers ENOENT/],
    ['below a file', (scratch) => `${scratch.file('file')}/new`, 'NOT_DIRECTORY', /file/],
    ['with a long name', (scratch) => scratch.join('n'.repeat(256)), 'NAME_TOO_LONG', /255/],
    [
      'at a dangling link',
      (scratch) => {
        symlinkSync('nowhere', scratch.join('link'));
        return scratch.join('link');
      },
      'DANGLING_SYMLINK',
      /link/,
    ],
  ])('%s', async (_, make, code, sentence) => {
    for (const part of ['upper', 'work', 'target'] as const satisfies Part[]) {
      const scratch = scratchDirectory();
      const path = make(scratch);
      const spec: MountSpec = { ...scratch.layers(), [part]: path, mkdir: true };
      const expected = { code: `ERR_OVERLAY_${code}`, option: part, path };
      expect(explainSync(spec)[0]).toMatchObject(expected);
      for (const [, form, via] of ways) {
        const error = await errorOf(() => form.mount({ ...spec, via }));
        expect(error).toMatchObject(expected);
        expect(error.message).toMatch(sentence);
      }
      expect(existsSync(path)).toBe(false);
    }
  });

  test('in an immutable directory', async () => {
    const scratch = scratchDirectory();
    const layers = scratch.layers();
    const fixed = scratch.directory('fixed');
    run('chattr', '+i', fixed);
    try {
      const spec = { ...layers, upper: `${fixed}/a/b`, mkdir: true };
      const expected = { code: 'ERR_OVERLAY_NOT_MADE', option: 'upper' };
      expect(explainSync(spec)[0]).toMatchObject(expected);
      for (const [, form, via] of ways) {
        const error = await errorOf(() => form.mount({ ...spec, via }));
        expect(error).toMatchObject(expected);
        expect(error.message).toContain('immutable');
      }
    } finally {
      run('chattr', '-i', fixed);
    }
  });

  test('what can be made is nothing to explain, and is not made', () => {
    const scratch = scratchDirectory();
    const spec = { ...scratch.layers(), upper: scratch.join('a/u'), work: scratch.join('b/w'), mkdir: true };
    expect(explainSync(spec)).toEqual([]);
    expect(existsSync(scratch.join('a'))).toBe(false);
  });
});

privileged('a user who may not write there', () => {
  const scratch = scratchDirectory();
  const layers = scratch.layers();
  mkdirSync(scratch.join('closed'));
  chmodSync(scratch.join('closed'), 0o755);
  const spec = { ...layers, upper: scratch.join('closed/u'), mkdir: true };
  const script = `
    import { explainSync, mountSync } from 'overlayfs';
    const spec = JSON.parse(process.argv[1]);
    const say = ({ code, option, sentence, message }) => [code, option, sentence ?? message];
    const said = [say(explainSync(spec)[0])];
    for (const via of ['fsopen', 'mount']) try { mountSync({ ...spec, via }) } catch (error) { said.push(say(error)) }
    console.log(JSON.stringify(said));`;
  const said = printedJson<string[][]>(asNobody(script, { args: [JSON.stringify(spec)] }));
  expect(said).toHaveLength(3);
  for (const [code, option, sentence] of said) {
    expect([code, option]).toEqual(['ERR_OVERLAY_NOT_MADE', 'upper']);
    expect(sentence).toContain('may not write');
  }
});
