// The package as users get it (compiled, with its addon), kept fresh, and copied to where another user can read it.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onceARun } from './run-directory.ts';

export const packageRoot: string = fileURLToPath(new URL('../../', import.meta.url));

const shipped = ['package.json', 'dist', 'build/Release', 'prebuilds'];

/** Compiles lib/ again when it is newer than dist/, so that no test looks at yesterday's code. */
export function refreshBuild(): void {
  if (newestTime('lib') <= newestTime('dist')) return;
  const { status } = spawnSync('npm', ['run', '--silent', 'build:ts'], {
    cwd: packageRoot,
    stdio: 'inherit',
  });
  if (status !== 0)
    process.stderr.write('warning: lib/ does not compile, so tests of dist/ see an older build\n');
}

function newestTime(name: string): number {
  const directory = join(packageRoot, name);
  if (!existsSync(directory)) return 0;
  const sources = readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((file) =>
    /\.[jt]s$/.test(file),
  );
  return Math.max(0, ...sources.map((file) => statSync(join(directory, file)).mtimeMs));
}

/** A filter for copies of dist/: what V8 compiled is the program's own, which writes it when another test runs it. */
export function isOfBuild(path: string): boolean {
  return !/\.cjs\.v\d/.test(path);
}

/** The package's directory, or a copy of what it ships if others may not read it: the checkout may lie in a private place. */
export function packageForOthers(): string {
  if (isOpenToOthers(packageRoot) && isOpenToOthers(join(packageRoot, 'dist'))) return packageRoot;
  return onceARun('package', (copy) => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
    const parts = [...shipped, ...Object.keys(dependencies).map((name) => `node_modules/${name}`)];
    for (const part of parts.filter((name) => existsSync(join(packageRoot, name)))) {
      const how = { recursive: true, dereference: true, filter: isOfBuild };
      cpSync(join(packageRoot, part), join(copy, part), how);
    }
    spawnSync('chmod', ['-R', 'a+rX', copy]);
  });
}

/** Whether any user can reach and read a file or directory, going by the permissions of others on the whole way. */
export function isOpenToOthers(path: string): boolean {
  const stat = statSync(path);
  const needed = stat.isDirectory() ? 0o5 : 0o4;
  return (stat.mode & needed) === needed && (dirname(path) === path || isOpenToOthers(dirname(path)));
}
