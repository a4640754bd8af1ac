// A short run of the kill soak: what it looks for is not there, and would be seen.
import { expect } from 'vitest';
import { runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';

const soak = new URL('kills.mjs', import.meta.url);

privileged('SIGKILL leaves nothing', () => {
  const { status, stdout, stderr } = runNode(soak, { args: ['--rounds', '24'] });
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toContain('24 in all');
});

privileged('what is left would be seen', () => {
  const { status, stderr } = runNode(soak, { args: ['--rounds', '1', '--leak', 'process'] });
  expect(status).toBe(1);
  expect(stderr).toMatch(/process \d+ is left/);
});
