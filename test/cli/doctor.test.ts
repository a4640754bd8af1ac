import { expect, test } from 'vitest';
import { printedJson } from '../support/node-process.ts';
import { privileged, unprivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, overlayfsAsNobody } from './run-program.ts';

privileged('as root: overlays can be mounted, and a directory is judged', () => {
  const { path } = scratchDirectory();
  const { status, stdout, stderr } = overlayfs(['doctor', path]);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^This process can mount overlays\.\n/);
  expect(stdout).toContain(`The directory ${path}\n`);
  const json = printedJson<{ verdict: object; directory: object }>(overlayfs(['doctor', '--json', path]));
  expect(json).toMatchObject({ verdict: { canMount: true }, overlay: { available: true }, directory: {} });
});
test('an ordinary user is told what is missing, and how to get it: 1', () => {
  const { status, stdout, stderr } = overlayfsAsNobody(['doctor']);
  expect([status, stderr]).toEqual([1, '']);
  expect(stdout).toMatch(/^This process cannot mount overlays\b.*\n {2}why: .*\n {2}→ .*\n/);
  expect(stdout).toContain('without CAP_SYS_ADMIN');
});
unprivileged('the same without root', () => {
  expect(overlayfs(['doctor']).status).toBe(1);
});
