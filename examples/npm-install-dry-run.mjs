// A dry run of npm install: what it would change in a project is shown, and nothing is changed.
//
//   node examples/npm-install-dry-run.mjs [PROJECT]
//
// Without a project it makes a small one, whose dependencies are local directories, so that no network is needed.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from 'overlayfs';

function makeProject() {
  const project = mkdtempSync(join(tmpdir(), 'overlayfs-example-'));
  const write = (path, value) => {
    mkdirSync(join(project, path, '..'), { recursive: true });
    writeFileSync(join(project, path), typeof value === 'string' ? value : JSON.stringify(value, null, 2));
  };
  write('vendor/left/package.json', { name: 'left', version: '2.0.0' });
  write('vendor/left/index.js', 'module.exports = (text) => text.padStart(8);\n');
  write('package.json', { name: 'project', version: '1.0.0', dependencies: { left: 'file:vendor/left' } });
  // What was installed once, and is not wanted any more.
  write('node_modules/stale/package.json', { name: 'stale', version: '1.0.0' });
  write('node_modules/stale/index.js', '');
  return project;
}

const given = process.argv[2];
const project = given ?? makeProject();
try {
  const before = readdirSync(project).join(' ');
  const flags = ['install', '--offline', '--no-audit', '--no-fund', '--install-links'];
  const npm = await run('npm', flags, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  try {
    const { exitCode } = await npm.finished;
    console.log(`npm ended with ${exitCode}, and would change:`);
    const changes = await npm.changes({ ignoreUnchanged: true });
    changes.sort((a, b) => Number(a.kind !== 'deleted') - Number(b.kind !== 'deleted'));
    for (const { kind, path, type } of changes)
      console.log(`  ${kind.padEnd(8)} ${path}${type === 'directory' ? '/' : ''}`);
    process.exitCode = exitCode ?? 1;
  } finally {
    await npm.discard(); // or npm.apply()
  }
  console.log(`The project is as it was: ${readdirSync(project).join(' ') === before}`);
} finally {
  if (given === undefined) rmSync(project, { recursive: true });
}
