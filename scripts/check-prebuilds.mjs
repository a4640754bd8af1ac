// Checks the prebuilt addons of a package directory without loading them; prints what is wrong, fails if anything is.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { problemsOf, targets } from './prebuild-rules.mjs';

/** A sentence for each thing wrong below `root`, a checkout or an installed package. */
export function checkPrebuilds(root) {
  const digest = execFileSync(process.execPath, [join(root, 'scripts/native-digest.mjs')], {
    encoding: 'utf8',
  });
  const sums = readIfThere(join(root, 'prebuilds/SHA256SUMS'))?.toString() ?? '';
  const strangers = readdirSync(join(root, 'prebuilds'))
    .filter((name) => name.startsWith('linux-') && !(name.slice(6) in targets))
    .map((name) => `prebuilds/${name} is for no architecture that we know`);
  const problems = Object.keys(targets).flatMap((arch) => {
    const bytes = readIfThere(join(root, `prebuilds/linux-${arch}/overlayfs.node`));
    return bytes ? problemsOf(arch, bytes, digest, sums) : [`linux-${arch}/overlayfs.node is missing`];
  });
  return [...strangers, ...problems];
}

function readIfThere(file) {
  try {
    return readFileSync(file);
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const problems = checkPrebuilds(fileURLToPath(new URL('../', import.meta.url)));
  for (const problem of problems) console.error(problem);
  if (problems.length > 0) {
    console.error('Build them again: npm run prebuildify');
    process.exit(1);
  }
}
