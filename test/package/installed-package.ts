// The tarball that would be published, and a project of a machine without a compiler that it was installed into.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../support/built-package.ts';
import { onceARun } from '../support/run-directory.ts';
import { npm, withoutNpm } from './npm.ts';

export interface Tarball {
  readonly file: string;
  readonly names: readonly string[];
  readonly size: number;
  readonly unpackedSize: number;
}

export interface Installed {
  readonly tarball: Tarball;
  /** The project's directory. */
  readonly project: string;
  /** A PATH with Node and nothing else. */
  readonly path: string;
}

interface PackReport {
  filename: string;
  size: number;
  unpackedSize: number;
  files: { path: string }[];
}

/** Packs the checkout, compiled before if it was not, and installs it. */
export function installPackage(): Installed {
  const directory = onceARun('packed', install);
  const tarball = JSON.parse(readFileSync(join(directory, 'tarball.json'), 'utf8'));
  return {
    tarball: { ...tarball, file: join(directory, tarball.file) },
    project: join(directory, 'project'),
    path: join(directory, 'bin'),
  };
}

function install(directory: string): void {
  const [bin, project] = [join(directory, 'bin'), join(directory, 'project')];
  for (const made of [bin, project]) mkdirSync(made, { recursive: true });
  symlinkSync(process.execPath, join(bin, 'node'));
  if (!existsSync(join(packageRoot, 'dist/index.js'))) compile();
  const own = pack(packageRoot, directory);
  const { dependencies = {} } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'));
  // There is no registry to get them from.
  const others = Object.keys(dependencies).map((name) =>
    pack(join(packageRoot, 'node_modules', name), directory),
  );
  const tarball: Tarball = {
    file: own.filename,
    names: own.files.map(({ path }) => path),
    size: own.size,
    unpackedSize: own.unpackedSize,
  };
  writeFileSync(join(directory, 'tarball.json'), JSON.stringify(tarball));
  writeFileSync(join(project, 'package.json'), '{ "name": "empty", "private": true }\n');
  // Install scripts may run: there must be none that needs a compiler.
  npm(project, ['install', ...[own, ...others].map(({ filename }) => `../${filename}`)], bin);
}

function pack(what: string, into: string): PackReport {
  const report = npm(what, ['pack', '--json', '--ignore-scripts', '--pack-destination', into]);
  return JSON.parse(report)[0];
}

function compile(): void {
  npm(packageRoot, ['run', 'build:ts']);
}

/** Runs Node in the project, with a PATH that has Node alone. */
export function nodeInProject(
  { project, path }: Installed,
  ...args: readonly string[]
): { status: number | null; output: string; stdout: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: project,
    encoding: 'utf8',
    env: { ...withoutNpm(process.env), PATH: path, NODE_OPTIONS: '' },
  });
  return { status, output: stdout + stderr, stdout };
}

/** The script of a program among the development dependencies. */
export function developmentProgram(name: string, bin: string = name): string {
  const manifest = join(packageRoot, 'node_modules', name, 'package.json');
  const programs = JSON.parse(readFileSync(manifest, 'utf8')).bin;
  return join(dirname(manifest), typeof programs === 'string' ? programs : programs[bin]);
}
