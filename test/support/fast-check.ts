// fast-check with one seed: a run of the tests is the same each time, so that it fails for a change and for nothing else.
//
// OVERLAYFS_TEST_SEED, a number, looks elsewhere, and OVERLAYFS_TEST_RUNS times where a test does not say how often. What
// fails prints its seed.
import fc from 'fast-check';

const { OVERLAYFS_TEST_SEED: seed = '4', OVERLAYFS_TEST_RUNS: runs = '100' } = process.env;
fc.configureGlobal({ seed: Number(seed), numRuns: Number(runs) });

export { default } from 'fast-check';
