// Sums vitest's JSON reports and prints one line: `N passed, N failed, N skipped`.
import { existsSync, readFileSync } from 'node:fs';

const total = { passed: 0, failed: 0, skipped: 0 };
for (const file of process.argv.slice(2).filter((name) => existsSync(name))) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  total.passed += report.numPassedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  // A file that cannot even be loaded has no failed test, but is a failure.
  const broken = report.testResults.filter(({ status, assertionResults }) => {
    return status === 'failed' && !assertionResults.some((test) => test.status === 'failed');
  });
  total.failed += report.numFailedTests + broken.length;
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
