// Runs a test file in a vitest of its own, to see how the support behaves when that file fails or leaves something.
import { symlinkSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './built-package.ts';
import { type Outcome, runNode } from './node-process.ts';
import type { Scratch } from './scratch.ts';

/** The file may import the support as `'support/scratch.ts'`. */
export function runTestFile(scratch: Scratch, source: string, env: Record<string, string> = {}): Outcome {
  const support = fileURLToPath(new URL('.', import.meta.url));
  scratch.file('nested.test.ts', source.replaceAll("'support/", `'${support}`));
  const options = {
    include: ['nested.test.ts'],
    globalSetup: [`${support}leak-check.ts`],
    setupFiles: [`${support}each-file.ts`],
  };
  scratch.file(
    'vitest.config.mjs',
    `import { ownNamespace } from '${support}own-namespace.ts';
     export default { test: { ...${JSON.stringify(options)}, pool: ownNamespace } };`,
  );
  symlinkSync(`${packageRoot}node_modules`, scratch.join('node_modules'));
  const vitest = new URL('../../node_modules/vitest/vitest.mjs', import.meta.url);
  return runNode(vitest, {
    args: ['run', '--root', scratch.path],
    env: { NO_COLOR: '1', OVERLAYFS_TEST_REQUIRE: '', OVERLAYFS_TEST_GRACE: '2000', ...env },
  });
}
