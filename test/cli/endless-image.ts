// An image that nobody sees the end of: what a signal interrupts is under way then.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { entry } from '../oci/layer-archive.ts';
import { programFile } from './run-program.ts';

const HUGE = 2 ** 36;

/** As `docker save` has it, in a directory; its layer has a file of 64 GiB that takes no room. */
export function endlessImage(path: string): string {
  mkdirSync(path);
  const diffId = `sha256:${'0'.repeat(64)}`;
  const rootfs = { type: 'layers', diff_ids: [diffId] };
  writeFileSync(
    join(path, 'config.json'),
    JSON.stringify({ os: 'linux', architecture: process.arch, rootfs }),
  );
  const image = { Config: 'config.json', RepoTags: [], Layers: ['layer.tar'] };
  writeFileSync(join(path, 'manifest.json'), JSON.stringify([image]));
  writeFileSync(join(path, 'layer.tar'), entry('zeros', { type: 'file', size: HUGE }));
  truncateSync(join(path, 'layer.tar'), HUGE + 512);
  return path;
}

/** Runs the program, and interrupts it as soon as something has come into the directory. */
export async function interrupted(
  args: readonly string[],
  directory: string,
  signal: NodeJS.Signals = 'SIGINT',
) {
  const before = readdirSync(directory).length;
  const program = spawn(process.execPath, [programFile, ...args], { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  program.stderr.on('data', (text) => {
    stderr += text;
  });
  const closed = once(program, 'close');
  try {
    while (readdirSync(directory).length === before && program.exitCode === null) await setTimeout(5);
    program.kill(signal);
    const [code, by] = await closed;
    return { code, signal: by, stderr };
  } finally {
    program.kill('SIGKILL');
  }
}
