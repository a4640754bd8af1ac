// Compares a store with containerd on the same filesystem: prepare + mount + remove of a snapshot, against `ctr snapshots
// prepare`, `mounts` and `rm` over the socket of a containerd that this starts for itself; and prepare + mounts + remove within
// one process, against the same three calls of containerd's service over one connection, without a client that starts.
//
//   npm run bench:store -- [--rounds N] [--layers N] [--on DIRECTORY]
//
// Needs root and Debian's containerd. Ours removes from the disk before it returns; containerd's service answers before that and
// leaves it to its garbage collector. That is made to run after each of its rounds, so that it does not run in ours, and is told
// of apart.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ContainerdSnapshots } from './containerd-snapshots.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '40' },
    layers: { type: 'string', default: '5' },
    on: { type: 'string', default: tmpdir() },
  },
});
const rounds = Number(options.rounds);
const layers = Number(options.layers);
const { openStore } = await import(new URL('../dist/store/index.js', import.meta.url));
const place = mkdtempSync(join(options.on, 'overlayfs-bench-store-'));
const at = (name) => join(place, name);

const milliseconds = (start) => Number(process.hrtime.bigint() - start) / 1e6;

async function startContainerd() {
  const socket = at('containerd.sock');
  writeFileSync(
    at('config.toml'),
    `version = 2
root = "${at('root')}"
state = "${at('state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
  );
  const server = spawn('containerd', ['--config', at('config.toml')], { stdio: 'ignore' });
  await once(server, 'spawn');
  for (let i = 0; i < 200; i++) {
    const connected = await new Promise((resolve) => {
      const connection = createConnection(socket);
      connection.on('connect', () => resolve(true)).on('error', () => resolve(false));
      connection.on('connect', () => connection.destroy());
    });
    if (connected) return { server, socket };
    if (server.exitCode !== null) throw new Error(`containerd ended with ${server.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  server.kill();
  throw new Error('containerd does not listen');
}

async function timed(actions) {
  const took = [];
  for (const action of actions) {
    const start = process.hrtime.bigint();
    await action();
    took.push(milliseconds(start));
  }
  return took;
}

async function ourContenders() {
  const store = await openStore(at('store'));
  let parent;
  for (let i = 0; i < layers; i++) {
    await store.prepare('making', parent);
    const mounted = await store.mount('making');
    writeFileSync(join(mounted.path, `file${i}`), 'x');
    await mounted.unmount();
    await store.commit(`layer${i}`, 'making');
    parent = `layer${i}`;
  }
  mkdirSync(at('target'));
  const mounting = {
    parts: ['prepare', 'mount', 'unmount', 'remove'],
    round: async (i) => {
      let mounted;
      return await timed([
        () => store.prepare(`key${i}`, parent),
        async () => {
          mounted = await store.mount(`key${i}`, at('target'));
        },
        () => mounted.unmount(),
        () => store.remove(`key${i}`),
      ]);
    },
  };
  const calling = {
    parts: ['prepare', 'mounts', 'remove'],
    round: (i) =>
      timed([
        () => store.prepare(`called${i}`, parent),
        () => store.mounts(`called${i}`),
        () => store.remove(`called${i}`),
      ]),
  };
  return { mounting, calling, end: () => store.close() };
}

async function theirContenders(socket) {
  const ctr = (...words) => execFileSync('ctr', ['--address', socket, ...words], { encoding: 'utf8' });
  const service = new ContainerdSnapshots(socket);
  let parent;
  for (let i = 0; i < layers; i++) {
    await service.prepare(`making${i}`, parent);
    await service.commit(`layer${i}`, `making${i}`);
    parent = `layer${i}`;
  }
  const spawning = {
    parts: ['prepare', 'mounts', 'rm', 'version', 'collected'],
    round: (i) =>
      timed([
        () => ctr('snapshots', 'prepare', `key${i}`, parent),
        () => ctr('snapshots', 'mounts', at('target'), `key${i}`),
        () => ctr('snapshots', 'rm', `key${i}`),
        () => ctr('version'),
        () => service.collect(),
      ]),
  };
  const calling = {
    parts: ['Prepare', 'Mounts', 'Remove', 'collected'],
    round: (i) =>
      timed([
        () => service.prepare(`called${i}`, parent),
        () => service.mounts(`called${i}`),
        () => service.remove(`called${i}`),
        () => service.collect(),
      ]),
  };
  return { spawning, calling, end: () => service.close() };
}

const column = (samples, i) => median(samples.map((took) => took[i]));
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

const { server, socket } = await startContainerd();
try {
  const [ours, theirs] = [await ourContenders(), await theirContenders(socket)];
  const contenders = {
    overlayfs: ours.mounting,
    ctr: theirs.spawning,
    'overlayfs, mounts() alone': ours.calling,
    'containerd, called': theirs.calling,
  };
  const samples = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
  // The first rounds warm all up.
  for (let i = -5; i < rounds; i++) {
    for (const [name, { round }] of Object.entries(contenders)) {
      const took = await round(i + 5);
      if (i >= 0) samples[name].push(took);
    }
  }
  await ours.end();
  theirs.end();
  printTable(
    `One snapshot over ${layers} layers, ${rounds} rounds each in turn`,
    ['', 'median ms'],
    Object.entries(contenders).flatMap(([name, { parts }]) =>
      parts.map((part, i) => [`${name}: ${part}`, column(samples[name], i)]),
    ),
    [2],
  );
  const whole = (name, parts) => median(samples[name].map((took) => sum(took.slice(0, parts))));
  const [mounted, spawned] = [whole('overlayfs'), whole('ctr', 3)];
  const [called, service] = [whole('overlayfs, mounts() alone'), whole('containerd, called', 3)];
  const collected = whole('containerd, called');
  printTable(
    'prepare + mount + remove',
    ['', 'ms', 'times ours'],
    [
      ['overlayfs, mounted and unmounted, removed from the disk', mounted, 1],
      ['ctr: prepare, mounts, rm; not mounted', spawned, spawned / mounted],
      ['overlayfs in process: prepare, mounts, remove from the disk', called, 1],
      ["containerd's service: Prepare, Mounts, Remove; not from the disk", service, service / called],
      ["containerd's service, and from the disk", collected, collected / called],
    ],
    [2, 1],
  );
} finally {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  rmSync(place, { recursive: true, force: true });
}
