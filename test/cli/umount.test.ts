import { expect, test } from 'vitest';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, shell } from './run-program.ts';

privileged('unmounts all targets that it can, and says which it cannot', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  const second = scratch.directory('second');
  for (const at of [target, second]) overlayfs(['mount', '--lower', lower[0]!, at]);
  const outcome = overlayfs(['umount', target, lower[0]!, second]);
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(
    /^overlayfs: target .*lower0.* is no mount point\n {2}code: ERR_OVERLAY_NOT_MOUNTED\n/,
  );
  expect(mountsBelow(scratch.path)).toEqual([]);
});
privileged('a busy one is named with who keeps it, and --lazy takes it away', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  overlayfs(['mount', '--lower', lower[0]!, target]);
  const outcome = shell('"$O" umount "$PWD"; echo $?; "$O" umount --lazy "$PWD"; echo $?', target);
  expect(outcome.stdout).toBe('1\n0\n');
  expect(outcome.stderr).toContain('code: ERR_OVERLAY_BUSY');
  expect(mountsBelow(scratch.path)).toEqual([]);
});
test('--json tells failures as JSON', () => {
  const outcome = overlayfs(['umount', '--json', '/no/such']);
  expect(outcome.status).toBe(1);
  expect(JSON.parse(outcome.stderr)).toMatchObject({ error: { option: 'target', path: '/no/such' } });
});
