// Twenty-five image layers as one directory, the way a container engine stacks them, and who wins.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { list, mount } from 'overlayfs';

const place = mkdtempSync(join(tmpdir(), 'layers-'));
const lower = Array.from({ length: 25 }, (_, i) => join(place, `layer ${i}`));
for (const [i, layer] of lower.entries()) {
  mkdirSync(layer);
  writeFileSync(join(layer, 'who'), `layer ${i}`);
  writeFileSync(join(layer, `only-in-${i}`), '');
}
try {
  const image = await mount({ lower, target: join(place, 'image'), mkdir: true });
  console.log('the top layer wins:', readFileSync(join(image.path, 'who'), 'utf8'));
  console.log('names from all layers:', readdirSync(image.path).length);
  const shown = (await list()).find(({ target }) => target === image.path);
  console.log('layers in the mount table:', shown?.lower.length);
  await image.unmount();
} finally {
  rmSync(place, { recursive: true });
}
