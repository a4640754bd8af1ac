// A base, two snapshots of it that know nothing of each other, and one of them committed as the base of the next.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore } from 'overlayfs/store';

const place = mkdtempSync(join(tmpdir(), 'snapshots-'));
const store = await openStore(join(place, 'store'));
console.log(`driver ${store.driver}: ${store.reason}`);

async function change(key, parent, text) {
  await store.prepare(key, parent);
  const mounted = await store.mount(key);
  try {
    if (parent) console.log(`${key} begins with:`, readFileSync(join(mounted.path, 'motd'), 'utf8'));
    writeFileSync(join(mounted.path, 'motd'), text);
    writeFileSync(join(mounted.path, `by-${key}`), '');
  } finally {
    await mounted.unmount();
  }
}

try {
  await change('making', undefined, 'hello');
  await store.commit('base', 'making');
  await change('one', 'base', 'hello from one');
  await change('two', 'base', 'hello from two');
  for await (const { kind, path } of store.changes('two')) console.log('two:', kind, path);
  await store.commit('base of two', 'two', { labels: { from: 'two' } });
  await change('three', 'base of two', 'hello from three');
  for (const { name, kind, parent } of await store.list())
    console.log(kind, name, parent ? `on ${parent}` : '');
  console.log('two takes', (await store.usage('base of two')).bytes, 'bytes by itself');
  await store.remove('base').catch(({ code, message }) => console.log(code, message));
} finally {
  await store.close();
  rmSync(place, { recursive: true });
}
