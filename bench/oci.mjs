// Unpacks real Debian images of 5 and 25 layers by us, umoci, containerd, podman and `gzip -dc | tar -x`, in turn, on an ext4
// that is made for it.
//
//   npm run bench:oci -- [--rounds N] [--layers 5,25] [--on DIRECTORY] [--images DIRECTORY] [--without NAME,…]
//
// Needs root, and Debian's umoci, containerd, podman, debootstrap. The images are made once, in minutes, and kept.
// Ours is on the disk when it returns; the others leave that to the kernel. So each is followed by syncfs(2), in a column of
// its own, and we are also measured with `sync: false`. What is read is in the page cache for all. Where other programs run
// meanwhile, `chrt --rr 1` before npm keeps them away.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startContainerd } from './containerd.mjs';
import { debianImages } from './debian-images.mjs';
import { freshFilesystem } from './fresh-filesystem.mjs';
import { measured } from './measured.mjs';
import { median, printTable } from './table.mjs';

const { values: options } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    layers: { type: 'string', default: '5,25' },
    on: { type: 'string', default: tmpdir() },
    images: { type: 'string' },
    without: { type: 'string', default: '' },
  },
});
const rounds = Number(options.rounds);
const place = mkdtempSync(join(options.on, 'overlayfs-bench-oci-'));
let disk;
const at = (...names) => join(disk.path, ...names);
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

const without = options.without.split(',');
const sync = () => execFileSync('sync', ['-f', disk.path]);

/** The blobs of the layers, the bottom one first. */
function blobsOf(image) {
  const read = (digest) => readFileSync(join(image, 'blobs', digest.replace(':', '/')));
  const [{ digest }] = JSON.parse(readFileSync(join(image, 'index.json'))).manifests;
  return JSON.parse(read(digest)).layers.map((layer) => join(image, 'blobs', layer.digest.replace(':', '/')));
}

/** `name`, and what is run for a fresh `target`; nothing is removed in between (fresh-filesystem.mjs). */
function contenders(image, archive) {
  const ours = (...words) => ['node', here('unpack.mjs'), image, ...words];
  const each = blobsOf(image).map(
    (blob, i) => `mkdir ${i}; gzip -dc ${blob} | tar -C ${i} -xpf - --numeric-owner`,
  );
  return [
    { name: 'overlayfs, layers', run: (target) => ours(join(target, 'l'), 'overlay', 'sync') },
    { name: 'overlayfs, layers, sync: false', run: (target) => ours(join(target, 'l'), 'overlay') },
    { name: 'overlayfs, one tree', run: (target) => ours(join(target, 'l'), 'plain', 'sync') },
    { name: 'overlayfs, one tree, sync: false', run: (target) => ours(join(target, 'l'), 'plain') },
    { name: 'gzip -dc | tar -x', run: (target) => ['sh', '-ec', `cd ${target}\n${each.join('\n')}`] },
    {
      name: 'umoci unpack',
      run: (target) => ['umoci', 'unpack', '--image', `${image}:latest`, join(target, 'b')],
    },
    {
      name: 'ctr image import',
      begin: startContainerd,
      run: (_, { socket }) => [
        'ctr',
        '--address',
        socket,
        'image',
        'import',
        '--base-name',
        'bench',
        archive,
      ],
    },
    {
      name: 'podman load',
      run: (target) => [
        ...['podman', '--root', join(target, 'root'), '--runroot', join(place, 'run')],
        ...['--storage-driver', 'overlay', 'load', '-q', '-i', archive],
      ],
    },
  ].filter(({ name }) => !without.some((word) => word !== '' && name.startsWith(word)));
}

async function once({ begin, run }, target) {
  mkdirSync(target);
  const server = await begin?.(target);
  try {
    sync();
    const { seconds, memory } = await measured(run(target, server), { also: server ? [server.pid] : [] });
    const before = process.hrtime.bigint();
    sync();
    return { seconds, memory, whole: seconds + Number(process.hrtime.bigint() - before) / 1e9 };
  } finally {
    await server?.end();
  }
}

async function unpacking(layers, image) {
  const archive = at(`image-${layers}.tar`);
  execFileSync('tar', ['-C', image, '-cf', archive, '.']);
  const all = contenders(image, archive);
  const took = all.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, contender] of all.entries())
      took[i].push(await once(contender, at(`${layers}-${round}-${i}`)));
  const of = (i, what) => median(took[i].map((one) => one[what]));
  const index = (name) => all.findIndex((one) => one.name === name);
  const peers = all.flatMap(({ name }, i) => (/^(umoci|ctr|podman)/.test(name) ? [i] : []));
  const fastest = Math.min(...peers.map((i) => of(i, 'seconds')));
  const tar = of(index('gzip -dc | tar -x'), 'seconds');
  printTable(
    `Unpacking ${layers} layers of Debian, median of ${rounds} rounds in turn`,
    ['', 'seconds', '+ syncfs', '/ fastest of three', '/ gzip | tar', 'MiB at the peak'],
    all.map(({ name }, i) => [
      name,
      of(i, 'seconds'),
      of(i, 'whole'),
      of(i, 'seconds') / fastest,
      of(i, 'seconds') / tar,
      of(i, 'memory'),
    ]),
    [2, 2, 2, 2, 0],
  );
}

const images = await debianImages(options.images, options.layers.split(',').map(Number));
try {
  for (const [layers, image] of images) {
    disk = freshFilesystem(place);
    try {
      await unpacking(layers, image);
    } finally {
      disk.end();
    }
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
