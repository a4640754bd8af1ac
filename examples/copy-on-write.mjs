// A private, writable copy of a directory: nothing is copied until it is written, and the original stays as it was.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mount } from 'overlayfs';

const place = mkdtempSync(join(tmpdir(), 'copy-on-write-'));
try {
  const etc = await mount({ lower: '/etc', upper: join(place, 'upper'), mkdir: true });
  const before = readFileSync('/etc/passwd', 'utf8');
  writeFileSync(join(etc.path, 'passwd'), 'nobody is here\n');
  console.log('in the copy:', readFileSync(join(etc.path, 'passwd'), 'utf8').trim());
  console.log('the original is untouched:', readFileSync('/etc/passwd', 'utf8') === before);
  console.log('all that was written:', readFileSync(join(place, 'upper/passwd'), 'utf8').trim());
  await etc.unmount();
} finally {
  rmSync(place, { recursive: true });
}
