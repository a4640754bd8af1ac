// Runs the built program as a user does, with a terminal nowhere in sight.
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageForOthers, packageRoot } from '../support/built-package.ts';
import { asNobody, type NodeOptions, type Outcome, runNode } from '../support/node-process.ts';

/** The file that npm links as `overlayfs`. */
export const programFile: string = join(packageRoot, 'dist/cli/main.cjs');

const plain = { NO_COLOR: '', FORCE_COLOR: '' };

export function overlayfs(args: readonly string[], options: Omit<NodeOptions, 'args'> = {}): Outcome {
  return runNode(pathToFileURL(programFile), { ...options, args, env: { ...plain, ...options.env } });
}

export function overlayfsAsNobody(args: readonly string[], options: Omit<NodeOptions, 'args'> = {}): Outcome {
  const script = pathToFileURL(join(packageForOthers(), 'dist/cli/main.cjs'));
  return asNobody(script, { ...options, args, env: { ...plain, ...options.env } });
}

/** Runs a shell script in which `$O` is the program. */
export function shell(script: string, cwd: string, under: readonly string[] = []): Outcome {
  const source = `import { spawnSync } from 'node:child_process';
const { status, signal, stdout, stderr } = spawnSync('/bin/bash', ['-c', ${JSON.stringify(script)}], {
  cwd: ${JSON.stringify(cwd)}, encoding: 'utf8', env: { ...process.env, O: ${JSON.stringify(programFile)} } });
process.stdout.write(stdout); process.stderr.write(stderr); process.exitCode = status ?? 1;`;
  return runNode(source, { under, env: plain });
}

/** Goes before a program that is to mount where nobody else sees it. */
export const privately: readonly string[] = ['unshare', '--mount', '--propagation', 'private'];
