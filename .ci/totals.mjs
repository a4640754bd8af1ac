// Sums vitest's JSON reports: names each failed test with the start of its reason, then prints one line:
// `N passed, N failed, N skipped`. The names stand at the end, where whoever reads the last lines alone sees them.
import { existsSync, readFileSync } from 'node:fs';

const REASON_LINES = 12;
const total = { passed: 0, failed: 0, skipped: 0 };

function tell(name, reason) {
  console.log(`FAILED TEST: ${name}`);
  for (const line of reason.split('\n').slice(0, REASON_LINES)) console.log(`    ${line}`);
}

for (const file of process.argv.slice(2).filter((name) => existsSync(name))) {
  const report = JSON.parse(readFileSync(file, 'utf8'));
  total.passed += report.numPassedTests;
  total.failed += report.numFailedTests;
  total.skipped += report.numPendingTests + report.numTodoTests;
  for (const { name, status, message, assertionResults } of report.testResults) {
    const failed = assertionResults.filter((test) => test.status === 'failed');
    const path = name.replace(/^.*?\/(?=test\/)/, '');
    for (const test of failed) tell(`${path} > ${test.fullName}`, test.failureMessages.join('\n'));
    // A file that cannot even be loaded has no failed test, but is a failure.
    if (status === 'failed' && failed.length === 0) {
      total.failed++;
      tell(path, message);
    }
  }
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
