// Insisting on what the kernel refuses: the mark or note is taken away first, and put back when the mount fails after all.
import { existsSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { explain } from '../../lib/mount/explain.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf, ways } from './forms.ts';

describePrivileged('insisting', () => {
  describe.each(ways)('%s', (_, form, via) => {
    test('trustVolatile: an upper that was used volatile is taken for whole', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers();
      const spec = { lower, upper, work, via } satisfies MountSpec;
      const first = mountSync({ ...spec, options: { volatile: true }, target });
      writeFileSync(`${target}/kept`, 'text');
      first.unmountSync();
      const mark = `${work}/work/incompat/volatile`;
      expect(existsSync(mark)).toBe(true);
      expect(await errorOf(() => form.mount(spec))).toMatchObject({
        code: 'ERR_OVERLAY_INCOMPATIBLE_WORK',
        hint: expect.stringContaining('trustVolatile: true'),
      });

      // What fails for another reason leaves the mark where it was.
      const insists = { ...spec, trustVolatile: true };
      await errorOf(() => form.mount({ ...insists, lower: [lower[0]!, lower[0]!] }));
      expect(existsSync(mark)).toBe(true);

      expect((await explain(insists)).map(({ code }) => code)).not.toContain('ERR_OVERLAY_INCOMPATIBLE_WORK');
      const overlay = await form.mount(insists);
      expect(readFileSync(`${overlay.path}/kept`, 'utf8')).toBe('text');
      await form.end(overlay);
      expect(existsSync(mark)).toBe(false);
      await form.end(await form.mount({ ...insists, options: { volatile: true } }));
      expect(existsSync(mark)).toBe(true);
    });

    test('changeLower: with an index the upper is used with another first lower', async () => {
      const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
      const options = { index: true } as const;
      writeFileSync(`${lower[0]}/linked`, 'text');
      linkSync(`${lower[0]}/linked`, `${lower[0]}/link`);
      const first = mountSync({ lower: lower[0]!, upper, work, target, options });
      writeFileSync(`${target}/linked`, 'changed');
      first.unmountSync();
      const spec = { lower: lower[1]!, upper, work, options, via } satisfies MountSpec;
      expect(await errorOf(() => form.mount(spec))).toMatchObject({
        code: 'ERR_OVERLAY_OTHER_LOWER',
        hint: expect.stringContaining('changeLower: true'),
      });
      // A failure puts the note back.
      const insists = { ...spec, changeLower: true };
      await errorOf(() => form.mount({ ...insists, lower: [lower[1]!, lower[1]!] }));
      expect(await errorOf(() => form.mount(spec))).toMatchObject({ code: 'ERR_OVERLAY_OTHER_LOWER' });

      const overlay = await form.mount(insists);
      expect(readFileSync(`${overlay.path}/linked`, 'utf8')).toBe('changed');
      await form.end(overlay);
      await form.end(await form.mount(spec));
    });
  });

  test('needs nothing where nothing is in the way', () => {
    const { target: _target, ...spec } = scratchDirectory().layers();
    mountSync({ ...spec, trustVolatile: true, changeLower: true }).unmountSync();
    mountSync({ lower: [...spec.lower, spec.upper], trustVolatile: true, changeLower: true }).unmountSync();
  });
});
