import { rmSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

function layers() {
  const made = scratchDirectory().layers({ lower: 2 });
  for (const [i, dir] of made.lower.entries()) writeFileSync(`${dir}/both`, String(i));
  writeFileSync(`${made.lower[1]}/deep`, 'x');
  return made;
}

test('without a mount: the layers top to bottom, the one that answers marked', () => {
  const { lower, upper } = layers();
  const flags = [...lower.flatMap((dir) => ['--lower', dir]), '--upper', upper];
  const width = lower[0]!.length + 5;
  expect(overlayfs(['which', ...flags, '/both'])).toEqual({
    status: 0,
    signal: null,
    stderr: '',
    stdout: [
      'both: file of lower 0',
      `  upper    ${upper.padEnd(width)}  -`,
      `> lower 0  ${lower[0]}/both  file`,
      `  lower 1  ${lower[1]}/both  file, hidden: covered by both of lower 0`,
      '',
    ].join('\n'),
  });
  const text = overlayfs(['which', '-o', `lowerdir=${lower.join(':')}`, 'no/such']);
  expect([text.status, text.stdout.split('\n')[0]]).toEqual([1, 'no/such: no layer has it']);
});
privileged('in a mounted overlay, by itself; what was deleted too', () => {
  const { lower, upper, work, target } = layers();
  overlayfs(['mount', '-o', `lowerdir=${lower.join(':')},upperdir=${upper},workdir=${work}`, target]);
  rmSync(`${target}/deep`);
  const text = overlayfs(['which', `${target}/deep`]);
  expect(text).toMatchObject({ status: 1, stderr: '' });
  expect(text.stdout).toMatch(/^deep: deleted by upper\n {2}upper .*whiteout \(device 0:0\): deleted here\n/);
  expect(text.stdout).toMatch(/lower 1 .* file, hidden: deleted by the whiteout deep of upper\n$/);
  const json = printedJson<{ layers: object[]; path: string }>(
    overlayfs(['which', '--json', `${target}/both`]),
  );
  expect(json).toMatchObject({
    path: 'both',
    entry: { layer: { kind: 'lower', index: 0 }, type: 'file', size: 1 },
  });
  expect(json.layers).toHaveLength(3);
  overlayfs(['umount', target]);
});
test('elsewhere, and wrong usage', () => {
  expect(overlayfs(['which', '/proc/self'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('code: ERR_OVERLAY_NOT_IN_OVERLAY'),
  });
  expect(overlayfs(['which'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('PATH is missing'),
  });
  expect(overlayfs(['which', '--upper', '/u', 'x'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('--upper alone is no stack'),
  });
});
