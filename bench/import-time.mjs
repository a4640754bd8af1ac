// What `import 'overlayfs'` adds to the start of Node, against a module that is empty.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

// Gives name → blocks of nanoseconds, the two starts taking turns.
export function measureImport(directory, packageUrl, blocks) {
  const files = { empty: join(directory, 'empty.mjs'), package: join(directory, 'package.mjs') };
  writeFileSync(files.empty, 'export {};\n');
  writeFileSync(files.package, `import ${JSON.stringify(packageUrl)};\n`);
  const samples = { empty: [], package: [] };
  for (let block = -1; block < blocks; block++) {
    const names = block % 2 ? ['package', 'empty'] : ['empty', 'package'];
    for (const name of names) {
      const start = process.hrtime.bigint();
      const { status, stderr } = spawnSync(process.execPath, [files[name]], { encoding: 'utf8' });
      const took = Number(process.hrtime.bigint() - start);
      if (status !== 0) throw new Error(`node ${files[name]}: ${stderr.trim()}`);
      if (block >= 0) samples[name].push([took]); // the first turn only warms the page cache
    }
  }
  return samples;
}
