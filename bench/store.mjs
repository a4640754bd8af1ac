// Compares a store with containerd on the same filesystem: prepare + mount + remove of a snapshot, against
// `ctr snapshots prepare`, `mounts` and `rm` over the socket of a containerd that this starts for itself.
//
//   npm run bench:store -- [--rounds N] [--layers N] [--on DIRECTORY]
//
// Needs root and Debian's containerd. `ctr version` is what a call costs that does nothing: what is left of the three when
// three of it are taken off is containerd's own time.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
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

async function ourContender() {
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
  return {
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
    end: () => store.close(),
  };
}

function theirContender(socket) {
  const ctr = (...words) => execFileSync('ctr', ['--address', socket, ...words], { encoding: 'utf8' });
  let parent;
  for (let i = 0; i < layers; i++) {
    ctr('snapshots', 'prepare', `making${i}`, ...(parent ? [parent] : []));
    ctr('snapshots', 'commit', `layer${i}`, `making${i}`);
    parent = `layer${i}`;
  }
  return {
    parts: ['prepare', 'mounts', 'rm', 'version'],
    round: (i) =>
      timed([
        () => ctr('snapshots', 'prepare', `key${i}`, parent),
        () => ctr('snapshots', 'mounts', at('target'), `key${i}`),
        () => ctr('snapshots', 'rm', `key${i}`),
        () => ctr('version'),
      ]),
  };
}

const column = (samples, i) => median(samples.map((took) => took[i]));
const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

const { server, socket } = await startContainerd();
try {
  const ours = await ourContender();
  const theirs = theirContender(socket);
  const samples = { ours: [], theirs: [] };
  // The first rounds warm both up.
  for (let i = -5; i < rounds; i++) {
    const [mine, other] = [await ours.round(i + 5), await theirs.round(i + 5)];
    if (i < 0) continue;
    samples.ours.push(mine);
    samples.theirs.push(other);
  }
  await ours.end();
  const rows = (name, { parts }, took) => parts.map((part, i) => [`${name} ${part}`, column(took, i)]);
  printTable(
    `One snapshot over ${layers} layers, ${rounds} rounds each in turn`,
    ['', 'median ms'],
    [...rows('overlayfs', ours, samples.ours), ...rows('ctr', theirs, samples.theirs)],
    [2],
  );
  const mine = median(samples.ours.map(sum));
  const through = median(samples.theirs.map((took) => sum(took.slice(0, 3))));
  const itself = median(samples.theirs.map((took) => sum(took.slice(0, 3)) - 3 * took[3]));
  printTable(
    'prepare + mount + remove',
    ['', 'ms', 'times ours'],
    [
      ['overlayfs, unmounted too', mine, 1],
      ['ctr, over its socket', through, through / mine],
      ['containerd without ctr', itself, itself / mine],
    ],
    [2, 1],
  );
} finally {
  const ended = once(server, 'exit');
  server.kill();
  await ended;
  rmSync(place, { recursive: true, force: true });
}
