// A PostgreSQL server for each test, on a fork of one prepared data directory, beside the same on a copy by `cp -a`.
//
//   node examples/postgres-fork.mjs [--tests 5] [--rows 400000]
//
// Needs Debian's package postgresql, and nothing of its service: the servers listen on sockets in a directory of their own,
// on no network. As root they run as the user postgres, since the server refuses root.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { overlayFixture } from 'overlayfs/testing';

const { values } = parseArgs({
  options: { tests: { type: 'string', default: '5' }, rows: { type: 'string', default: '400000' } },
});
const execute = promisify(execFile);
const place = await mkdtemp(join(tmpdir(), 'postgres-fork-'));
const user = process.geteuid() === 0 ? await userNamed('postgres') : {};
const programs = await programDirectory();
const env = { PATH: process.env.PATH, LC_ALL: 'C', TZ: 'UTC' };

async function userNamed(name) {
  const { stdout } = await execute('getent', ['passwd', name]);
  const [, , uid, gid] = stdout.split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

// Debian has no server programs in the PATH, since several versions can be installed.
async function programDirectory() {
  const home = '/usr/lib/postgresql';
  const versions = await readdir(home).catch(() => []);
  const newest = versions.sort((a, b) => Number(a) - Number(b)).at(-1);
  if (newest === undefined) throw new Error('there is no PostgreSQL server: apt-get install postgresql');
  return join(home, newest, 'bin');
}

// Runs a program of PostgreSQL's as the user of the server.
async function run(program, ...args) {
  const { stdout } = await execute(join(programs, program), args, { cwd: place, env, ...user });
  return stdout.trim();
}

async function privateDirectory(name) {
  const path = join(place, name);
  await mkdir(path, { mode: 0o700 });
  if (user.uid !== undefined) await chown(path, user.uid, user.gid);
  return path;
}

const sockets = await privateDirectory('sockets');
const query = (sql) =>
  run('psql', '-h', sockets, '-U', 'postgres', '-d', 'postgres', '-qAtX', '-v', 'ON_ERROR_STOP=1', '-c', sql);

// What a test suite would set in its postgresql.conf.
const SETTINGS = {
  listen_addresses: '',
  unix_socket_directories: sockets,
  fsync: 'off',
  shared_buffers: '16MB',
  dynamic_shared_memory_type: 'mmap',
  autovacuum: 'off',
};

// Starts a server on a data directory, a path or an open directory; gives what ends it. The server of another user may not
// come to a fork by its path below /proc/<pid of ours>, but inherits its descriptor.
async function startServer(data) {
  const isOpen = typeof data === 'object';
  const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const server = spawn(join(programs, 'postgres'), ['-D', isOpen ? '/proc/self/fd/3' : data, ...settings], {
    cwd: place,
    env,
    ...user,
    stdio: ['ignore', 'ignore', 'pipe', ...(isOpen ? [data.fd] : [])],
  });
  let words = '';
  const gone = once(server, 'exit');
  servers.add(server);
  gone.then(() => servers.delete(server));
  await new Promise((resolve, reject) => {
    server.stderr.on('data', (chunk) => {
      words += chunk;
      if (words.includes('ready to accept connections')) resolve();
    });
    gone.then(() => reject(new Error(`the server has ended:\n${words}`)), reject);
  });
  return async (signal) => {
    server.kill(signal);
    await gone;
  };
}

const servers = new Set();

async function prepare() {
  const data = await privateDirectory('data');
  await run('initdb', '-D', data, '--auth=trust', '--no-sync', '--encoding=UTF8', '-U', 'postgres');
  const stop = await startServer(data);
  await query(`create table account as
    select id, md5(id::text) as name, 0 as balance from generate_series(1, ${Number(values.rows)}) id`);
  await query('alter table account add primary key (id)');
  await query('checkpoint');
  // In order, so that no fork needs recovery.
  await stop('SIGINT');
  return data;
}

// The test: finds what was prepared, and nothing of another test.
async function test(number) {
  const before = await query('select count(*), sum(balance) from account');
  if (before !== `${values.rows}|0`) throw new Error(`test ${number} found ${before}`);
  await query(`update account set balance = ${number} where id <= 1000`);
  await query('drop table if exists audit; create table audit (test int); insert into audit values (1)');
}

const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;
const median = (numbers) => numbers.toSorted((a, b) => a - b)[numbers.length >> 1];

// One test on a data directory that `provide` makes: how long it took to have it, and all together.
async function round(number, provide) {
  const start = process.hrtime.bigint();
  const { data, end } = await provide();
  const ready = milliseconds(start);
  const stop = await startServer(data);
  try {
    await test(number);
  } finally {
    // At once: what was written is thrown away.
    await stop('SIGQUIT');
    await end();
  }
  return { ready, whole: milliseconds(start) };
}

try {
  await chmod(place, 0o711);
  const prepared = await prepare();
  const { stdout } = await execute('du', ['-sm', '--apparent-size', prepared]);
  console.log(`prepared: ${values.rows} rows, ${stdout.split('\t')[0]} MB`);

  const fixture = overlayFixture(prepared);
  const byFork = async () => {
    const fork = await fixture.fork();
    return { data: user.uid === undefined ? fork.path : fork, end: () => fork.close() };
  };
  const byCopy = async () => {
    const copy = join(place, 'copy');
    await execute('cp', ['-a', prepared, copy]);
    return { data: copy, end: () => rm(copy, { recursive: true }) };
  };
  const took = { fork: [], copy: [] };
  for (let i = 1; i <= Number(values.tests); i++) {
    took.fork.push(await round(i, byFork));
    took.copy.push(await round(i, byCopy));
  }
  await fixture.close();
  for (const [name, rounds] of [
    ['fork', took.fork],
    ['cp -a', took.copy],
  ]) {
    const [ready, whole] = ['ready', 'whole'].map((part) =>
      median(rounds.map((one) => one[part])).toFixed(1),
    );
    console.log(`${name.padEnd(5)}  data directory in ${ready} ms, with server, test and end ${whole} ms`);
  }
} finally {
  for (const server of servers) {
    server.kill('SIGQUIT');
    await once(server, 'exit');
  }
  await rm(place, { recursive: true });
}
