// Adds to package-lock.json the optional platform packages that a registry mirror did not serve: npm leaves them out of
// the lock, and `npm ci` then finds it incomplete. Run it after `npm install` when `npm ci` says so.
import { readFileSync, writeFileSync } from 'node:fs';

const file = process.argv[2] ?? 'package-lock.json';
const lock = JSON.parse(readFileSync(file, 'utf8'));
const systems = [
  'android',
  'darwin',
  'freebsd',
  'linux',
  'openharmony',
  'win32',
  'openbsd',
  'netbsd',
  'sunos',
  'aix',
];
const cpus = ['arm64', 'arm', 'x64', 'ia32', 'ppc64', 'riscv64', 's390x', 'wasm32', 'loong64', 'mips64el'];
for (const [path, entry] of Object.entries(lock.packages)) {
  for (const [name, range] of Object.entries(entry.optionalDependencies ?? {})) {
    if (!path || `${path}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages)
      continue;
    const words = name.split(/[-/]/);
    const os = systems.filter((s) => words.includes(s)),
      cpu = cpus.filter((c) => words.includes(c));
    const libc =
      words.includes('musl') || words.includes('musleabihf')
        ? ['musl']
        : words.includes('gnu') || words.includes('gnueabihf')
          ? ['glibc']
          : undefined;
    if (!os.length || !cpu.length) {
      console.log('unknown platform', name, range);
      continue;
    }
    lock.packages[`node_modules/${name}`] = {
      version: range,
      cpu,
      ...(entry.dev && { dev: true }),
      ...(libc && os[0] === 'linux' && { libc }),
      license: entry.license,
      optional: true,
      os,
      engines: entry.engines,
    };
    console.log('added', name, range);
  }
}
const { '': root, ...rest } = lock.packages;
lock.packages = {
  '': root,
  ...Object.fromEntries(Object.entries(rest).sort(([a], [b]) => a.localeCompare(b, 'en'))),
};
writeFileSync(file, `${JSON.stringify(lock, null, 2)}\n`);
