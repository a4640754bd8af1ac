import { expect, test } from 'vitest';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

privileged('says nothing but that when nothing is wrong, in both forms', () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers({ lower: 2 });
  const flags = ['--lower', lower[0]!, '--lower', lower[1]!, '--upper', upper, '--work', work];
  const text = `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work},nosuid`;
  for (const args of [
    [...flags, target],
    flags,
    ['-o', text, target],
    ['-t', 'overlay', '-o', text, 'over', target],
  ])
    expect(overlayfs(['explain', ...args])).toMatchObject({
      status: 0,
      stdout: 'nothing is wrong that can be told without mounting\n',
      stderr: '',
    });
  expect(overlayfs(['explain', '--json', '-o', text, target])).toMatchObject({ status: 0, stdout: '[]\n' });
  expect(mountsBelow(scratch.path)).toEqual([]);
});
privileged('each finding: the sentence, the wrong part marked, the hint, the code', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  const missing = scratch.join('gone/a');
  const outcome = overlayfs(['explain', '-o', `lowerdir=${lower[0]}:${missing}`, target]);
  expect([outcome.status, outcome.stderr]).toEqual([1, '']);
  expect(outcome.stdout.split('\n')).toEqual([
    `lower 1 ("${missing}") does not exist: there is no "${scratch.join('gone')}"`,
    `  ${missing}`,
    `  ${' '.repeat(scratch.path.length + 1)}^^^^`,
    '  hint: create the directory, or correct the path',
    '  code: ERR_OVERLAY_NOT_FOUND',
    '',
  ]);
});
privileged('--json: all of it, with the wrong part', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  const upper = `${lower[0]}/shared/x`;
  const start = lower[0]!.length + 1;
  const args = [
    ['--lower', lower[0]!, '--upper', upper, target],
    ['-o', `lowerdir=${lower[0]},upperdir=${upper}`, target],
  ];
  for (const words of args) {
    const { status, stdout } = overlayfs(['explain', '--json', ...words]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout)[0]).toMatchObject({
      code: 'ERR_OVERLAY_NOT_DIRECTORY',
      option: 'upper',
      path: upper,
      sentence: expect.any(String),
      hint: expect.any(String),
      part: { start, end: start + 6, text: 'shared' },
    });
  }
});
test('hints are in flags, and option text that cannot be read is a finding', () => {
  const { target, lower } = scratchDirectory().layers();
  const absent = overlayfs(['explain', '--lower', lower[0]!, '--upper', '/no/such', target]);
  expect(absent.stdout).toContain('pass --mkdir');
  expect(overlayfs(['explain', '-o', 'lowerdir=', target])).toMatchObject({
    status: 1,
    stdout: expect.stringContaining('code: ERR_OVERLAY_OPTION_TEXT'),
  });
});
test.each([
  [['--lower', '/', '--bogus', '/m'], 'there is no flag --bogus'],
  [['/m'], 'no layer to read: give --lower DIR'],
  [['-o', 'lowerdir=/a'], 'the mount point is missing'],
  [['-o', 'remount,ro', '/m'], 'remount changes a mount that is there; this is about a new one'],
])('%j: wrong usage', (args, sentence) => {
  const { status, stdout, stderr } = overlayfs(['explain', ...args]);
  expect([status, stdout]).toEqual([2, '']);
  expect(stderr).toBe(`overlayfs explain: ${sentence}\n  hint: see overlayfs explain --help\n`);
});
