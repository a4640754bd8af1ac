// Images of Debian for the benchmarks, of 5 and of 25 layers with the same 800 MB in them: made once, kept in a directory.
import { mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { debianImage, SMALL_PACKAGES } from '../examples/images/debian.mjs';

const LARGE_PACKAGES = ['build-essential', 'cmake', 'gdb', 'git', 'perl', 'python3', 'vim'];

/** Where they are, by the number of their layers. */
export async function debianImages(directory = join(tmpdir(), 'overlayfs-bench-images'), counts = [5, 25]) {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const images = new Map();
  const packages = [...SMALL_PACKAGES, ...LARGE_PACKAGES];
  for (const layers of counts)
    images.set(layers, await debianImage(join(directory, `debian-${layers}`), { layers, packages }));
  return images;
}
