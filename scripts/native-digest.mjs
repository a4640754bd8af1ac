// Prints the SHA-256 over everything that decides what the addon does, so that a stale prebuild is noticed.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const root = new URL('../', import.meta.url);
const files = readdirSync(new URL('native/', root))
  .sort()
  .map((name) => `native/${name}`);
const hash = createHash('sha256');
for (const file of [...files, 'binding.gyp']) {
  const bytes = readFileSync(new URL(file, root));
  hash.update(`${file} ${bytes.length}\n`).update(bytes);
}
process.stdout.write(hash.digest('hex'));
