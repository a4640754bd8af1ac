// How the tests are run; with OVERLAYFS_TEST_REPORT=FILE the results are also written there as JSON.
import { defineConfig } from 'vitest/config';

const report = process.env.OVERLAYFS_TEST_REPORT;

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/leak-check.ts'],
    pool: 'forks',
    testTimeout: 30_000,
    hookTimeout: 60_000,
    ...(report && { reporters: ['default', ['json', { outputFile: report }]] }),
  },
});
