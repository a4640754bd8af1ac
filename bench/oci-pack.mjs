// Packs a change of 100 files over a Debian image of 25 layers and 800 MB: by us, by `umoci repack` and by `buildah commit`.
//
//   npm run bench:oci-pack -- [--rounds N] [--on DIRECTORY] [--images DIRECTORY]
//
// Needs root, and Debian's umoci, buildah, debootstrap. umoci looks at the whole tree, buildah at the overlay's upper; both
// write the layer and the documents of an image. Ours writes the layer, compressed by gzip as theirs.
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mount } from '../dist/index.js';
import { openImage, unpackImage } from '../dist/oci/index.js';
import { debianImages } from './debian-images.mjs';
import { freshFilesystem } from './fresh-filesystem.mjs';
import { measured } from './measured.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    on: { type: 'string', default: tmpdir() },
    images: { type: 'string' },
  },
});
const rounds = Number(options.rounds);
const call = (command, ...args) => execFileSync(command, args, { encoding: 'utf8' }).trim();

/** 50 files that are there get longer, 50 are new. */
function change(root) {
  const known = join(root, 'usr/lib/python3.11');
  const names = readdirSync(known).filter((name) => name.endsWith('.py'));
  for (const name of names.slice(0, 50)) appendFileSync(join(known, name), '# changed\n');
  mkdirSync(join(root, 'srv/new'));
  for (let i = 0; i < 50; i++) writeFileSync(join(root, 'srv/new', `file${i}`), `${i}\n`.repeat(1000));
}

async function ours(image, at) {
  const opened = await openImage(image);
  await unpackImage(opened, at('layers'), { format: 'overlay' });
  await opened.close();
  const lower = readdirSync(at('layers'))
    .sort()
    .reverse()
    .map((name) => at('layers', name));
  const overlay = await mount({ lower, upper: at('upper'), mkdir: true });
  change(overlay.path);
  await overlay.unmount();
  const pack = fileURLToPath(new URL('pack.mjs', import.meta.url));
  return (round) => ['node', pack, at(`layer-${round}.tar.gz`), at('upper'), ...lower];
}

function umoci(image, at) {
  call('cp', '-r', image, at('umoci'));
  call('umoci', 'unpack', '--image', `${at('umoci')}:latest`, at('bundle'));
  change(at('bundle/rootfs'));
  return (round) => ['umoci', 'repack', '--image', `${at('umoci')}:new${round}`, at('bundle')];
}

function buildah(image, at, run) {
  const words = ['--root', at('buildah'), '--runroot', run, '--storage-driver', 'overlay'];
  const container = call('buildah', ...words, 'from', '--quiet', `oci:${image}:latest`);
  change(call('buildah', ...words, 'mount', container));
  return (round) => ['buildah', ...words, 'commit', '--quiet', container, `new${round}`];
}

const image = (await debianImages(options.images, [25])).get(25);
const place = mkdtempSync(join(options.on, 'overlayfs-bench-pack-'));
try {
  const disk = freshFilesystem(place);
  const at = (...names) => join(disk.path, ...names);
  try {
    const all = [
      ['overlayfs', await ours(image, at)],
      ['umoci repack', umoci(image, at)],
      ['buildah commit', buildah(image, at, join(place, 'run'))],
    ];
    const took = all.map(() => []);
    for (let round = -1; round < rounds; round++)
      for (const [i, [, run]] of all.entries()) {
        const one = await measured(run(round + 1));
        if (round >= 0) took[i].push(one);
      }
    const seconds = took.map((some) => median(some.map((one) => one.seconds)));
    const inside = median(took[0].map(({ output }) => Number(output)));
    const row = (name, time, memory) => [name, time * 1000, time / seconds[0], time / inside, memory];
    const memory = took.map((some) => median(some.map((one) => one.memory)));
    printTable(
      `A change of 100 files over 25 layers, packed, median of ${rounds} rounds in turn`,
      ['', 'ms', '/ program', '/ in-process', 'MiB at the peak'],
      [
        row('overlayfs, in a process that runs', inside),
        ...all.map(([name], i) => row(i === 0 ? 'overlayfs, a program' : name, seconds[i], memory[i])),
      ],
      [1, 1, 1, 0],
    );
  } finally {
    disk.end();
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
