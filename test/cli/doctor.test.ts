import { expect, test } from 'vitest';
import { printedJson } from '../support/node-process.ts';
import { privileged, unprivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { needUserNamespaces } from './need-user-namespaces.ts';
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
test('an ordinary user can have detached ones, and is told how to get others: 0', () => {
  needUserNamespaces();
  const { status, stdout, stderr } = overlayfsAsNobody(['doctor']);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(
    /^This process can mount overlays that are attached nowhere\b.*\n {2}why: .*\n {2}→ .*\n/,
  );
  expect(stdout).toContain('without CAP_SYS_ADMIN');
  const json = printedJson<{ verdict: object }>(overlayfsAsNobody(['doctor', '--json']));
  expect(json).toMatchObject({ verdict: { canMount: 'rootless' }, rootless: { available: true } });
});
unprivileged('the same without root', () => {
  needUserNamespaces();
  expect(overlayfs(['doctor']).status).toBe(0);
});
