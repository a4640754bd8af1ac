// Who asks, read from the texts of /proc.
import { describe, expect, test } from 'vitest';
import { hasSysAdmin, isWholeMap } from '../../../lib/kernel/features/caller.ts';

describe('caller', () => {
  test('finds CAP_SYS_ADMIN as bit 21', () => {
    expect(hasSysAdmin('Name:\tx\nCapEff:\t0000000000200000\n')).toBe(true);
    expect(hasSysAdmin('CapEff:\t000001ffffdfffff\n')).toBe(false);
    expect(hasSysAdmin('Name:\tx\n')).toBeUndefined();
  });

  test('knows the map of the initial user namespace', () => {
    expect(isWholeMap('         0          0 4294967295\n')).toBe(true);
    expect(isWholeMap('         0          0          1\n')).toBe(false);
    expect(isWholeMap('')).toBe(false);
  });
});
