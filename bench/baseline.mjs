// The C baseline as a contender: compiled, and loaded into this process.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import headers from 'node-api-headers';

// Compiles a baseline into `directory` and loads it.
export function loadBaseline(directory, name = 'overlay_rounds') {
  const source = fileURLToPath(new URL(`baseline/${name}.c`, import.meta.url));
  const file = join(directory, `${name}.node`);
  // g++ would do for the rare machine that has no cc, but it must be told that this is C.
  const compilers = [['cc'], ['gcc'], ['g++', '-x', 'c']];
  const failures = [];
  for (const [command, ...first] of compilers) {
    const args = [...first, '-O2', '-shared', '-fPIC', '-I', headers.include_dir, '-o', file, source];
    const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    if (status === 0) return createRequire(import.meta.url)(file);
    failures.push(`${command}: ${error?.message ?? stderr.trim()}`);
  }
  throw new Error(`no C compiler could build the baseline:\n${failures.join('\n')}`);
}
