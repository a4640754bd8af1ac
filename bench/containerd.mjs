// A containerd of our own: its root, state and socket in a directory of the benchmark's, ended by its own process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';

/** Starts it in `place`, which is made, and waits until it listens. */
export async function startContainerd(place) {
  mkdirSync(place, { recursive: true });
  // By its descriptor: the address of a socket has room for 107 bytes, which a private directory's path may exceed.
  const directory = openSync(place, 'r');
  const socket = `/proc/${process.pid}/fd/${directory}/containerd.sock`;
  const config = join(place, 'config.toml');
  writeFileSync(
    config,
    `version = 2
root = "${join(place, 'root')}"
state = "${join(place, 'state')}"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socket}"
`,
  );
  const server = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  await once(server, 'spawn').catch((error) => {
    closeSync(directory);
    throw error;
  });
  const end = async () => {
    closeSync(directory);
    if (server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill();
    await ended;
  };
  for (let i = 0; i < 1200; i++) {
    if (await listens(socket)) return { pid: server.pid, socket, end };
    if (server.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await end();
  throw new Error(`containerd does not listen, and has ended with ${server.exitCode ?? server.signalCode}`);
}

async function listens(socket) {
  return await new Promise((resolve) => {
    const connection = createConnection(socket);
    connection.on('error', () => resolve(false));
    connection.on('connect', () => {
      connection.destroy();
      resolve(true);
    });
  });
}
