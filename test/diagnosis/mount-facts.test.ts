import { expect } from 'vitest';
import { isThere, lookAtMount, readMounts } from '../../lib/diagnosis/mount-facts.ts';
import { ENOENT } from '../../lib/kernel/errno.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import { openDescriptors } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const around = { mounts: runSync(readMounts()), silent: [] };

privileged(
  'looks at every directory, there or not, the same in both forms, and keeps nothing open',
  async () => {
    const scratch = scratchDirectory();
    const layers = scratch.layers({ lower: 25 });
    const request = readSpec({ ...layers, work: scratch.join('gone') });
    const before = openDescriptors().length;
    const facts = runSync(lookAtMount(request, around));
    expect(openDescriptors().length).toBe(before);
    expect(facts.lower.every(isThere)).toBe(true);
    expect(facts.work).toMatchObject({ errno: ENOENT });
    expect(isThere(facts.upper) && facts.upper.realPath.toString()).toBe(layers.upper);
    expect(facts.driver).toBe(true);
    const again = await runAsync(lookAtMount(request, around));
    // Free space changes while others run.
    const lasting = (looked: unknown) => ({ ...(looked as object), filesystem: undefined });
    expect(again.lower.map(lasting)).toEqual(facts.lower.map(lasting));
    expect(lasting(again.upper)).toEqual(lasting(facts.upper));
  },
);
