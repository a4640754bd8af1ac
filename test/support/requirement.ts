// What a test does when the machine lacks something: it is skipped with a printed reason, or fails where that is demanded.
import { type TestContext, TestRunner } from 'vitest';

/** True where every test has to run: nothing that a package or root could provide may be missing. */
export function everythingIsRequired(): boolean {
  return process.env.OVERLAYFS_TEST_REQUIRE === 'all';
}

/** The test that is running in this worker, if one is. */
export function currentTestContext(): TestContext | undefined {
  return TestRunner.getCurrentTest()?.context;
}

const printed = new Set<string>();

/** Says a reason once in each test file. */
export function printReason(reason: string): void {
  if (printed.has(reason)) return;
  printed.add(reason);
  process.stderr.write(`skipped: ${reason}\n`);
}

/** Ends the running test: as skipped, or as failed when everything is required. For what could be provided. */
export function missing(reason: string): never {
  if (everythingIsRequired()) throw new Error(`OVERLAYFS_TEST_REQUIRE=all, but ${reason}`);
  return skip(reason);
}

/** Ends the running test as skipped: for what this kernel or user can never provide, whatever is demanded. */
export function skip(reason: string): never {
  printReason(reason);
  const context = currentTestContext();
  if (context === undefined) throw new Error(`cannot skip outside a test: ${reason}`);
  return context.skip(reason);
}
