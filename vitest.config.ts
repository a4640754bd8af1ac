// How the tests are run; with OVERLAYFS_TEST_REPORT=FILE the results are also written there as JSON.
import { defineConfig } from 'vitest/config';
import { ownNamespace } from './test/support/own-namespace.ts';

const report = process.env.OVERLAYFS_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/leak-check.ts'],
    setupFiles: ['test/support/each-file.ts'],
    pool: ownNamespace,
    // Only what hangs meets them, however slow or busy the machine is.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    teardownTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    ...(report && { reporters: ['default', ['json', { outputFile: report }]] }),
  },
});
