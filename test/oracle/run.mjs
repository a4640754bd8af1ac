// The oracle for longer: npm run soak:oracle -- [--runs 2000] [--seed N] [--mode 'index=on']
//
// New stories for each mode, without a limit in time; a failure is shrunk, and tells the seed that repeats it.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '2000' }, seed: { type: 'string' }, mode: { type: 'string' } },
});
const root = fileURLToPath(new URL('../../', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [
    'node_modules/vitest/vitest.mjs',
    ...['run', 'test/oracle/oracle.test.ts'],
    ...(values.mode === undefined ? [] : ['-t', values.mode]),
  ],
  {
    cwd: root,
    stdio: 'inherit',
    env: {
      ...process.env,
      OVERLAYFS_ORACLE_RUNS: values.runs,
      // Milliseconds; a timer takes no more.
      OVERLAYFS_ORACLE_LIMIT: String(2 ** 30),
      OVERLAYFS_ORACLE_SEED: values.seed ?? String(Date.now() % 2 ** 31),
    },
  },
);
process.exitCode = status ?? 1;
