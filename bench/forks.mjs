// Compares a fork by scratch() with copies of the same directory, as root, on a btrfs in a loop image, in one run:
// cp -a, and cp -a --reflink=always, which shares the blocks of files and makes every name anew.
//
//   npm run bench:forks -- [--files 50000] [--megabytes 800] [--copies 2] [--image-on DIRECTORY]
//
// Needs root, mkfs.btrfs (btrfs-progs) and room for twice the directory; takes a minute or two.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { median } from './table.mjs';

const { values } = parseArgs({
  options: {
    files: { type: 'string', default: '50000' },
    megabytes: { type: 'string', default: '800' },
    copies: { type: 'string', default: '2' },
    'image-on': { type: 'string', default: tmpdir() },
  },
});
const { scratch } = await import(new URL('../dist/index.js', import.meta.url));
const files = Number(values.files);
const size = Math.floor((Number(values.megabytes) * 1_000_000) / files);
const PER_DIRECTORY = 100;
const FORKS = 300;

const milliseconds = (since) => Number(process.hrtime.bigint() - since) / 1e6;

function plant(directory) {
  const content = Buffer.alloc(size, 'content ');
  for (let i = 0; i < files; i++) {
    const inside = `${directory}/d${Math.floor(i / PER_DIRECTORY)}`;
    if (i % PER_DIRECTORY === 0) mkdirSync(inside, { recursive: true });
    content.writeUInt32LE(i);
    writeFileSync(`${inside}/f${i}`, content);
  }
}

function copied(from, to, words) {
  execFileSync('sync');
  const start = process.hrtime.bigint();
  execFileSync('cp', [...words, from, to], { stdio: 'inherit' });
  const took = milliseconds(start);
  execFileSync('rm', ['-rf', to]);
  return took;
}

async function forked(lower, rootless) {
  const took = [];
  for (let i = 0; i < FORKS; i++) {
    const start = process.hrtime.bigint();
    const fork = await scratch(lower, { rootless });
    took.push(milliseconds(start));
    // It is a fork of all: what is written here is not there.
    if (i === 0) {
      writeFileSync(`${fork.path}/d0/f0`, 'changed');
      if (readFileSync(`${lower}/d0/f0`).length !== size) throw new Error('the lower has changed');
    }
    await fork.unmount();
  }
  return median(took);
}

const place = mkdtempSync(join(values['image-on'], 'overlayfs-bench-'));
const mounted = join(place, 'btrfs');
try {
  const image = join(place, 'image');
  writeFileSync(image, '');
  truncateSync(image, 3 * files * size + 2 ** 30);
  mkdirSync(mounted);
  execFileSync('mkfs.btrfs', ['--quiet', image]);
  execFileSync('mount', ['-o', 'loop', image, mounted]);
  try {
    const lower = join(mounted, 'lower');
    plant(lower);
    const rows = [
      ['cp -a', [], ['-a', '--reflink=never']],
      ['cp -a --reflink=always', [], ['-a', '--reflink=always']],
    ];
    const forks = [];
    // In turn, so that all meet the same machine; the first copy reads what the others find in memory.
    copied(lower, join(mounted, 'copy'), ['-a', '--reflink=always']);
    for (let i = 0; i < Number(values.copies); i++) {
      for (const [, took, words] of rows) took.push(copied(lower, join(mounted, 'copy'), words));
      forks.push([await forked(lower, false), await forked(lower, true)]);
    }
    const [root, rootless] = [0, 1].map((kind) => median(forks.map((pair) => pair[kind])));
    console.log(
      `\n${files} files of ${size} bytes in ${Math.ceil(files / PER_DIRECTORY)} directories, on btrfs`,
    );
    console.log(`scratch, as root       ${root.toFixed(2).padStart(9)} ms`);
    console.log(`scratch, rootless      ${rootless.toFixed(2).padStart(9)} ms`);
    for (const [name, took] of rows) {
      const time = median(took);
      const times = (fork) => `${Math.round(time / fork).toLocaleString('en')} times`;
      console.log(
        `${name.padEnd(22)} ${time.toFixed(0).padStart(9)} ms: ${times(root)}, rootless ${times(rootless)}`,
      );
    }
  } finally {
    execFileSync('umount', [mounted]);
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
