import { expect } from 'vitest';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, privately, shell } from './run-program.ts';

privileged('shows every layer, top first, as text and as JSON', () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers({ lower: 2 });
  overlayfs([
    'mount',
    '-o',
    `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},index=on`,
    target,
  ]);
  const text = overlayfs(['list']);
  expect(text).toMatchObject({ status: 0, stderr: '' });
  const block = text.stdout.split('\n\n').find((part) => part.startsWith(`${target}\n`))!;
  expect(block.split('\n').slice(0, 5)).toEqual([
    target,
    `  upper    ${upper}`,
    `  lower 0  ${lower[0]}`,
    `  lower 1  ${lower[1]}`,
    `  work     ${work}`,
  ]);
  expect(block).toContain('index=on');
  const rows = printedJson<{ target: string; lower: string[] }[]>(overlayfs(['list', '--json']));
  expect(rows.find((row) => row.target === target)).toMatchObject({ lower, upper, options: { index: true } });
  overlayfs(['umount', target]);
});
privileged('says when there is none', () => {
  const none = `grep -q ' - overlay ' /proc/self/mountinfo || { "$O" list; echo $?; "$O" list --json; }`;
  const outcome = shell(none, '/', privately);
  if (outcome.stdout === '') return; // this machine's own files lie on an overlay
  expect(outcome.stdout).toBe('0\n[]\n');
  expect(outcome.stderr).toBe('no overlay is mounted in this mount namespace\n');
});
