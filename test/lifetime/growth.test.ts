// Some hundred rounds of mount and unmount: no descriptor, mount, file or memory is left; npm run soak does thousands.
import { expect, test } from 'vitest';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

// Over 400 rounds: a kept handle alone, with its buffers and spec, is some 4 kB, or 1.6 MiB. The heap's noise is below
// 0.5 MiB. Malloc's arenas still grow by up to 12 MiB then; a kept program of 8 kB outside of the heap is shown by `outside`.
const MEMORY_BOUND = 2 ** 20;

describePrivileged('growth', () => {
  test('there is none over 400 rounds, promise and sync, attached and detached, both families', () => {
    const scratch = scratchDirectory();
    const script = `
      import { readdirSync, readFileSync } from 'node:fs';
      import { mount, mountSync, unmountSync, unmount } from 'overlayfs';
      const { target, work, ...spec } = JSON.parse(process.argv[1]);
      const specs = [{ ...spec, work, target }, { ...spec, work }, { ...spec, target }, spec, { lower: spec.lower }];
      const rounds = async (count) => {
        for (let i = 0; i < count; i++) {
          const given = { ...specs[i % specs.length], via: i % 3 === 0 ? 'mount' : 'auto' };
          if (i % 2 === 0) mountSync(given).unmountSync();
          else { const overlay = await mount(given); if (given.target && i % 4 === 1) await unmount(target); else await overlay.unmount(); }
          try { mountSync({ ...given, lower: '/nowhere' }); } catch {}
        }
      };
      const state = async () => {
        for (let i = 0; i < 5; i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
        return {
          descriptors: readdirSync('/proc/self/fd').length,
          mounts: readFileSync('/proc/self/mountinfo', 'latin1').split('\\n').filter((line) => line.includes(target)).length,
          heap: process.memoryUsage().heapUsed,
          outside: process.memoryUsage().external,
        };
      };
      await rounds(200);
      const before = await state();
      await rounds(400);
      const after = await state();
      console.log(JSON.stringify({ before, after }));`;
    const args = [JSON.stringify(scratch.layers())];
    const { before, after } = printedJson<Record<'before' | 'after', Record<string, number>>>(
      runNode(script, { args, execArgv: ['--expose-gc'] }),
    );
    expect([after.descriptors, after.mounts]).toEqual([before.descriptors, before.mounts]);
    expect(after.heap! - before.heap!).toBeLessThan(MEMORY_BOUND);
    expect(after.outside! - before.outside!).toBeLessThan(MEMORY_BOUND);
  });
});
