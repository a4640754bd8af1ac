// What the soak of stores kills: makes, commits, imports and removes snapshots until it is ended, and says what it has done.
//
//   node soak-worker.mjs ROOT NUMBER [LAYER…]
//
// Each line is one event: `+ NAME` committed, `? NAME` about to be removed. A committed snapshot has, for itself and each
// of its parents, a directory of that name with files of that content.
import { createReadStream, mkdirSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const { openStore } = await import('../../dist/store/index.js');
const [root, number, ...layerFiles] = process.argv.slice(2);
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const store = await openStore(root);
const committed = async () => (await store.list('kind==committed')).map(({ name }) => name);
const layers = layerFiles.map((file) => JSON.parse(Buffer.from(file, 'base64').toString()));

async function commit(name, parent) {
  await store.prepare(`making ${name}`, parent);
  const mounted = await store.mount(`making ${name}`);
  mkdirSync(join(mounted.path, name));
  for (let i = 0; i < 5; i++) writeFileSync(join(mounted.path, name, `${i}`), name.repeat(i * 100));
  await mounted.unmount();
  await store.commit(name, `making ${name}`);
  say('+', name);
}

async function remove(name) {
  say('?', name);
  try {
    await store.remove(name);
  } catch (error) {
    if (error.code !== 'ERR_STORE_HAS_CHILDREN' && error.code !== 'ERR_STORE_IN_USE') throw error;
  }
}

async function importAll() {
  const image = {
    layers: layers.map(({ diffId, file, size }) => ({
      digest: diffId,
      diffId,
      size,
      open: () => createReadStream(file),
    })),
  };
  const { name } = await store.import(image);
  say('+', name);
}

// What those before were making when they were killed.
for (const { name } of await store.list('kind==active')) await store.remove(name);
say('ready');
for (let i = 0; ; i++) {
  const names = await committed();
  const kind = Math.random();
  if (layers.length > 0 && kind < 0.2) await importAll();
  else if (names.length > 6 && kind < 0.6) await remove(pick(names));
  else await commit(`c${number}-${i}`, Math.random() < 0.3 ? undefined : pick(names));
}
