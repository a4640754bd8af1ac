// SIGKILL at random moments of processes that have throw-away views or run commands over them: npm run soak:kills
//
// After each, no process, mount or file of it may be left; after all, no memory of a tmpfs. Half of the rounds are an
// ordinary user's, when root runs this. --leak leaves something on purpose, to show that it would be seen.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '500' }, leak: { type: 'string' } },
});
const rounds = Number(values.rounds);
const root = mkdtempSync(join(tmpdir(), 'overlayfs-kills-'));
chmodSync(root, 0o755);
const dir = join(root, 'dir');
mkdirSync(dir);
writeFileSync(join(dir, 'file'), 'old');
const others = join(root, 'others');
mkdirSync(others);
chmodSync(others, 0o777);
const packageUrl = new URL('../../dist/index.js', import.meta.url).href;
const program = fileURLToPath(new URL('../../dist/cli/main.cjs', import.meta.url));

const leak = values.leak === undefined ? '' : 'setsid nohup setsid sleep 30 </dev/null >/dev/null 2>&1 & ';
const nothing = `await new Promise((resolve) => setTimeout(resolve, 1000));`;
const command =
  'echo x >new; (setsid sh -c "sleep 20 & sleep 20" &); sleep 20 & head -c 4000000 /dev/zero >big; sleep 20';
const kinds = {
  scratch: `const view = await scratch(dir); writeFileSync(view.path + '/big', Buffer.alloc(4_000_000)); ${nothing}`,
  reset: `const view = await scratch(dir); for (let i = 0; i < 1000; i++) { writeFileSync(view.path + '/big', Buffer.alloc(1_000_000)); await view.reset(); }`,
  run: `await run('sh', ['-c', ${JSON.stringify(command)}], { cwd: dir, stdio: 'ignore' }); ${nothing}`,
  runs: `for (let i = 0; i < 1000; i++) { const one = await run('sh', ['-c', 'echo 1 >new; sleep 0.01 & true'], { cwd: dir, stdio: 'ignore' }); await one.finished; await one.discard(); }`,
  program: `const { createRequire } = await import('node:module'); const program = ${JSON.stringify(program)};
    process.chdir(dir);
    process.argv = [process.argv[0], program, 'run', '--discard', 'sh', '-c', ${JSON.stringify(command)}]; createRequire(program)(program);`,
};

const processesOf = (mark) =>
  readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(mark);
    } catch {
      return false;
    }
  });

const mounts = () =>
  readFileSync('/proc/self/mountinfo', 'latin1')
    .split('\n')
    .filter((line) => line.includes(root));
const files = () => readdirSync(root, { recursive: true }).sort().join('\n');
const shared = () => Number(/^Shmem:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))[1]);

// What is left stays, and everything else goes in its own time: a leak on purpose need not be waited for as long.
const PATIENCE_MS = leak === '' ? 60_000 : 2_000;

async function gone(look) {
  const deadline = performance.now() + PATIENCE_MS;
  for (;;) {
    const left = look();
    if (left.length === 0 || performance.now() > deadline) return left;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

const failures = [];
const reached = {};

async function round(number) {
  const names = Object.keys(kinds);
  const kind = names[number % names.length];
  const ordinary = process.geteuid() === 0 && Math.floor(number / names.length) % 2 === 1;
  const mark = `OVERLAYFS_KILL=${process.pid}-${number}`;
  const source = `import { writeFileSync } from 'node:fs'; import { run, scratch } from ${JSON.stringify(packageUrl)};
    const dir = ${JSON.stringify(dir)}; console.log('ready'); ${kinds[kind]}`;
  const [name, value] = mark.split('=');
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], {
    cwd: root,
    env: { ...process.env, [name]: value, NODE_OPTIONS: '', TMPDIR: others },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(ordinary && { uid: 65534, gid: 65534 }),
  });
  const exit = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exit]);
  if (leak !== '')
    spawn('sh', ['-c', `${leak}true`], { env: { ...process.env, [name]: value }, stdio: 'ignore' });
  // Each kind takes some 5 to 30 ms to be wholly there, and more on a busy machine.
  await new Promise((resolve) => setTimeout(resolve, Math.random() * 150));
  const key = `${kind}${ordinary ? ', ordinary user' : ''}`;
  reached[key] ??= { rounds: 0, running: 0 };
  reached[key].rounds += 1;
  if (processesOf(mark).length > 1) reached[key].running += 1;
  child.kill('SIGKILL');
  await exit;
  const left = await gone(() => processesOf(mark));
  for (const pid of left) {
    failures.push(`${key}: process ${pid} is left`);
    try {
      process.kill(Number(pid), 'SIGKILL');
    } catch {}
  }
}

const before = { files: files(), mounts: mounts().length, shared: shared() };
try {
  let next = 0;
  const worker = async () => {
    while (next < rounds) await round(next++);
  };
  await Promise.all([worker(), worker()]);
  // Each round wrote up to 4 MB; other programs of the machine have shared memory too, for a while.
  await gone(() => (shared() - before.shared > 16 * 1024 ? ['memory'] : []));
  if (files() !== before.files) failures.push(`files are left: ${files()}`);
  if (mounts().length !== before.mounts) failures.push(`mounts are left: ${mounts().join(', ')}`);
  const growth = shared() - before.shared;
  if (growth > 16 * 1024) failures.push(`${growth} kB more shared memory`);
  for (const [key, { rounds: count, running }] of Object.entries(reached))
    console.log(`${key}: ${count} killed, ${running} of them with a command running`);
  console.log(`${rounds} in all; shared memory grew by ${growth} kB`);
} finally {
  rmSync(root, { recursive: true, force: true });
}
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
