// run() where system calls of newer kernels are missing: the same, or a sentence that says what is missing.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson } from '../support/node-process.ts';
import { needPrivilege } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const script = `
  import { run } from 'overlayfs';
  import { text } from 'node:stream/consumers';
  const [dir, whole] = process.argv.slice(1);
  const options = { cwd: dir, ...(whole && { whole: true }) };
  let told;
  try {
    const command = await run('sh', ['-c', 'pwd; cat file; rm file; echo 1 >new'], options);
    const out = await text(command.stdout);
    const { exitCode } = await command.finished;
    const changes = (await command.changes()).map(({ kind, path }) => kind + ' ' + path).sort();
    told = { out, exitCode, changes };
    await command.discard();
  } catch ({ code, message, hint }) {
    told = { code, message, hint };
  }
  console.log(JSON.stringify(told));`;

function outcomeOf(rules: readonly string[], uid: number, whole = false): [dir: string, told: unknown] {
  needPrivilege();
  const dir = scratchDirectory().directory('dir');
  writeFileSync(join(dir, 'file'), 'old');
  const args = [dir, ...(whole ? ['whole'] : [])];
  return [dir, printedJson(runFaked(rules, script, { args, ...(uid !== 0 && { uid }) }))];
}

// Each of the ways in which a throw-away overlay is made on a kernel that takes no layer that is mounted nowhere.
const OLDER = [
  'withoutLayerDescriptors',
  'withoutLayerKeys',
  'withoutStatmount',
  'withoutMountSetattr',
] as const;

describe.each([0, 65534])('as %i', (uid) => {
  test.each(OLDER)('%s: the same', (kernel) => {
    const [dir, told] = outcomeOf(kernels[kernel], uid);
    expect(told).toEqual({ out: `${dir}\nold`, exitCode: 0, changes: ['added new', 'deleted file'] });
  });

  test('withoutNewMountApi: told which call is missing, and since when there is one', () => {
    expect(outcomeOf(kernels.withoutNewMountApi, uid)[1]).toEqual({
      code: 'ERR_OVERLAY_NOT_SUPPORTED',
      message: expect.stringMatching(/since move_mount\(2\) is missing: move_mount\(.*ENOSYS/),
      hint: expect.stringContaining('Linux 5.2'),
    });
  });
});

test('the whole without mount_setattr: told so, since nothing can be made read-only', () => {
  expect(outcomeOf(kernels.withoutMountSetattr, 0, true)[1]).toMatchObject({
    code: 'ERR_OVERLAY_NOT_SUPPORTED',
    hint: expect.stringContaining('Linux 5.12'),
  });
});
