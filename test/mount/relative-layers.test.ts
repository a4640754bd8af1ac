// Layers that were given as relative paths: found from above the mount point or the current directory, or not at all.
import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { layersAt } from '../../lib/index.ts';
import { run } from '../support/command.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const unknown = {
  code: 'ERR_OVERLAY_LAYER_UNKNOWN',
  message: expect.stringContaining('relative to a directory'),
};

function mountIn(directory: string, words: string): void {
  run('sh', '-c', `cd '${directory}' && mount -t overlay overlay -o ${words}`);
}

privileged('beside the mount point, further up, and with layers that are absolute', async () => {
  const scratch = scratchDirectory();
  for (const name of ['l0', 'l1', 'sub/u', 'sub/w', 'sub/m', 'm']) scratch.directory(name);
  const lower = [scratch.join('l0'), scratch.join('l1')];
  mountIn(scratch.path, 'lowerdir=l0:l1,upperdir=sub/u,workdir=sub/w sub/m');
  writeFileSync(scratch.join('sub/m/new'), '');
  const upper = scratch.join('sub/u');
  expect(await layersAt(scratch.join('sub/m/new'))).toMatchObject({
    mount: { lower, upper, work: scratch.join('sub/w'), unknown: [] },
    path: 'new',
  });
  mountIn(scratch.path, `lowerdir=l1:${lower[0]} m`);
  expect((await layersAt(scratch.join('m'))).mount.lower).toEqual(lower.toReversed());
});

privileged('from the current directory', () => {
  const scratch = scratchDirectory();
  for (const name of ['place/l0', 'place/l1', 'other/m']) scratch.directory(name);
  mountIn(scratch.join('place'), `lowerdir=l0:l1 ${scratch.join('other/m')}`);
  const script = `
    import { layersAtSync } from 'overlayfs';
    process.chdir(process.argv[1]);
    console.log(JSON.stringify(layersAtSync(process.argv[2]).mount.lower));`;
  const args = [scratch.join('place'), scratch.join('other/m')];
  expect(printedJson(runNode(script, { args }))).toEqual([
    scratch.join('place/l0'),
    scratch.join('place/l1'),
  ]);
});

privileged('others of the same names are not taken for them', async () => {
  const scratch = scratchDirectory();
  for (const name of ['l0', 'l1', 'm']) scratch.directory(name);
  mountIn(scratch.path, 'lowerdir=l0:l1 m');
  renameSync(scratch.join('l0'), scratch.join('moved'));
  mkdirSync(scratch.join('l0'));
  await expect(layersAt(scratch.join('m'))).rejects.toMatchObject(unknown);
  // Nor is the top one enough.
  renameSync(scratch.join('l0'), scratch.join('new'));
  renameSync(scratch.join('moved'), scratch.join('l0'));
  renameSync(scratch.join('l1'), scratch.join('gone'));
  await expect(layersAt(scratch.join('m'))).rejects.toMatchObject(unknown);
  renameSync(scratch.join('gone'), scratch.join('l1'));
  expect((await layersAt(scratch.join('m'))).mount.lower).toHaveLength(2);
});
