import { expect, test } from 'vitest';
import { Interrupted, Interruption } from '../../lib/cli/interruption.ts';

test('keeps a signal until it is asked for, and lets go at the end', async () => {
  const before = process.listenerCount('SIGHUP');
  const interruption = new Interruption();
  try {
    await interruption.check();
    process.kill(process.pid, 'SIGHUP');
    const seen = async () => {
      for (let i = 0; i < 1000; i++) await interruption.check();
    };
    await expect(seen()).rejects.toEqual(new Interrupted('SIGHUP'));
  } finally {
    interruption.end();
  }
  expect(process.listenerCount('SIGHUP')).toBe(before);
});
