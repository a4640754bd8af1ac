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
    testTimeout: 30_000,
    hookTimeout: 60_000,
    ...(report && { reporters: ['default', ['json', { outputFile: report }]] }),
  },
});
