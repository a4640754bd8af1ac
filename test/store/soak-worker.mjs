// What the soak of stores kills: prepares, commits, imports and removes snapshots until it is ended, and says what it does.
//
//   node soak-worker.mjs ROOT NUMBER FOCUS IMAGES
//
// Most of what it does is FOCUS; IMAGES is a file with lists of layers. Each line is one event: `> WHAT` begins, `<` is done,
// `+ NAME` is committed, `? NAME` is about to be removed. A committed snapshot has, for itself and each of its parents, a
// directory of that name with files of that content.
import { createReadStream, mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const { openStore } = await import('../../dist/store/index.js');
const [root, number, focus, imageFile] = process.argv.slice(2);
const images = JSON.parse(readFileSync(imageFile, 'utf8'));
const say = (...words) => writeSync(1, `${words.join(' ')}\n`);
const pick = (list) => list[Math.floor(Math.random() * list.length)];

const store = await openStore(root);
/** More than this many committed snapshots are too many to be looked at after each kill. */
const ENOUGH = 14;
let count = 0;
const fresh = (kind) => `${kind}${number}-${count++}`;
const committed = async () => (await store.list('kind==committed')).map(({ name }) => name);

// Others are at work on this store: what one has just seen another may have removed, mounted or made.
const MAY_BE = new Set(['ERR_STORE_NOT_FOUND', 'ERR_STORE_HAS_CHILDREN', 'ERR_STORE_IN_USE']);

async function saying(what, body) {
  say('>', what);
  try {
    await body();
  } catch (error) {
    if (!MAY_BE.has(error.code)) throw error;
  }
  say('<');
}

async function prepare(parent) {
  const key = fresh('active');
  await saying('prepare', () => store.prepare(key, parent));
  return key;
}

async function make(name, key) {
  const mounted = await store.mount(key);
  mkdirSync(join(mounted.path, name));
  for (let i = 0; i < 5; i++) writeFileSync(join(mounted.path, name, `${i}`), name.repeat(i * 100));
  await mounted.unmount();
}

async function remove(name) {
  await saying('remove', async () => {
    say('?', name);
    await store.remove(name);
  });
}

const ACTIONS = {
  async prepare() {
    const key = await prepare(pick(await committed()));
    if (Math.random() < 0.7) await remove(key);
  },
  async commit() {
    const names = await committed();
    const key = await prepare(Math.random() < 0.3 ? undefined : pick(names));
    const name = fresh('committed');
    await saying('write', () => make(name, key));
    await saying('commit', async () => {
      await store.commit(name, key);
      say('+', name);
    });
    if (names.length > ENOUGH) await remove(pick(names));
  },
  async import() {
    const layers = pick(images).map(({ diffId, file, size }) => ({
      digest: diffId,
      diffId,
      size,
      open: () => createReadStream(file),
    }));
    await saying('import', async () => {
      const { name } = await store.import({ layers });
      say('+', name);
    });
    const names = await committed();
    for (let i = ENOUGH / 2; i < names.length; i++) await remove(pick(names));
  },
  async remove() {
    const keys = [];
    for (let i = 0; i < 6; i++) keys.push(await prepare(pick(await committed())));
    for (const key of keys) await remove(key);
    const names = await committed();
    for (let i = ENOUGH / 2; i < names.length; i++) await remove(pick(names));
  },
  async update() {
    const name = pick(await committed());
    if (name !== undefined) await saying('update', () => store.update(name, { at: `${count++}` }));
  },
  async cleanup() {
    await saying('cleanup', async () => {
      const { findings } = await store.cleanup();
      if (findings.length > 0) throw new Error(findings[0].sentence);
    });
  },
};

say('ready');
for (;;) await ACTIONS[Math.random() < 0.75 ? focus : pick(Object.keys(ACTIONS))]();
