// Holds our tree of an image against those of umoci, podman and containerd, and each of its layers against what it becomes
// when it is unpacked in any form and packed again. `npm run soak:images` does so with real Debian images.
//
//   node test/soak/images.mjs [IMAGE…] [--images DIRECTORY] [--spoil]
//
// Without images: those of bench/debian-images.mjs, which are made when they are not there. --spoil changes our tree, so that
// this has to fail. Needs root.
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startContainerd } from '../../bench/containerd.mjs';
import { debianImages } from '../../bench/debian-images.mjs';
import { mount } from '../../dist/index.js';
import { openImage, packLayer, unpackImage, unpackLayer } from '../../dist/oci/index.js';

const { values: options, positionals } = parseArgs({
  options: { images: { type: 'string' }, spoil: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const place = mkdtempSync(join(tmpdir(), 'overlayfs-soak-images-'));
let failures = 0;

function fail(sentence) {
  failures += 1;
  console.error(`FAILED: ${sentence}`);
}

const call = (command, ...args) =>
  execFileSync(command, args, { encoding: 'utf8', maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] });
const listing = fileURLToPath(new URL('../support/tree_lines.py', import.meta.url));
const linesOf = (root) => call('python3', listing, root).trimEnd().split('\n');

/** Each gives the lines of its tree. */
const TREES = {
  umoci: async (image, _, at) => {
    call('umoci', 'unpack', '--image', `${image}:latest`, at('bundle'));
    return linesOf(at('bundle/rootfs'));
  },
  podman: async (_, archive, at) => {
    // It wants this one to have a short name.
    const run = mkdtempSync('/tmp/overlayfs-podman-');
    const podman = ['--root', at('podman'), '--runroot', run, '--storage-driver', 'overlay'];
    const loaded = call('podman', ...podman, 'load', '-q', '-i', archive)
      .trim()
      .split(' ')
      .at(-1);
    try {
      return linesOf(call('podman', ...podman, 'image', 'mount', loaded).trim());
    } finally {
      call('podman', ...podman, 'image', 'unmount', '--all');
      unmountBelow(run);
      rmSync(run, { recursive: true });
    }
  },
  containerd: async (_, archive, at) => {
    const server = await startContainerd(at('containerd'));
    const ctr = (...words) => call('ctr', '--address', server.socket, ...words);
    try {
      ctr('image', 'import', '--base-name', 'soak', archive);
      mkdirSync(at('view'));
      ctr('image', 'mount', 'soak:latest', at('view'));
      try {
        return linesOf(at('view'));
      } finally {
        call('umount', at('view'));
      }
    } finally {
      await server.end();
    }
  },
  'one tree': async (image, _, at) => {
    const opened = await openImage(image);
    await unpackImage(opened, at('tree'));
    await opened.close();
    return linesOf(at('tree'));
  },
  'mounted layers': async (image, _, at) => {
    const opened = await openImage(image);
    await unpackImage(opened, at('layers'), { format: 'overlay' });
    await opened.close();
    const lower = opened.layers.map((_, i) => at(`layers/${String(i).padStart(3, '0')}`)).reverse();
    if (options.spoil) chmodSync(lower[0], 0o700);
    const mounted = await mount({ lower, target: at('mounted'), mkdir: true });
    try {
      return linesOf(at('mounted'));
    } finally {
      await mounted.unmount();
    }
  },
};

// What they do with every image. Go's archive/tar takes an attribute without a value for none.
const valued = (line) => line.replace(/ [a-z]+\.\S+=(?= |$)/g, '');
// Nothing is of before 1970, and the root directory is their own.
const clamped = (lines) => lines.slice(1).map((line) => valued(line.replace(/ -\d+/, ' 0')));
const HABITS = {
  umoci: (lines) => lines.map(valued),
  podman: clamped,
  containerd: (lines) => clamped(lines).map((line) => line.replace(/ trusted\.\S+=\S*/g, '')),
};

function compare(image, ours, theirs, name) {
  const [left, right] = [ours, theirs].map(HABITS[name] ?? ((lines) => lines));
  const [known, found] = [new Set(left), new Set(right)];
  const missing = left.filter((line) => !found.has(line));
  const more = right.filter((line) => !known.has(line));
  if (missing.length + more.length === 0)
    return console.log(`  ${name}: ${theirs.length} entries, all equal`);
  fail(`${image}: ${name} has another tree: ${missing.length} lines of ours, ${more.length} of its own`);
  for (const line of missing.slice(0, 5)) console.error(`  ours   ${line}`);
  for (const line of more.slice(0, 5)) console.error(`  theirs ${line}`);
}

const FORMS = [
  ...['trusted', 'user'].flatMap((xattrs) => ['device', 'xattr'].map((whiteouts) => ({ xattrs, whiteouts }))),
  { xattrs: 'user', rootless: true },
];

/** The digests of all layers, unpacked in one form and packed again. */
async function again(image, form, at) {
  const { whiteouts, ...packing } = form;
  const opened = await openImage(image);
  const lowers = [];
  for (const [i, layer] of opened.layers.entries()) {
    const dir = at(`layer-${i}`);
    const rules = whiteouts === undefined ? form : { ...form, whiteouts };
    const { dropped } = await unpackLayer(layer.open(), dir, { ...rules, lowers: [...lowers], sync: false });
    lowers.unshift(dir);
    // A user's layer has no devices and no `trusted.*`: it cannot be the same, and says so.
    if (form.rootless && dropped.some(({ what }) => what === 'device' || what.startsWith('xattr:'))) continue;
    const packed = packLayer(dir, { ...packing, compress: 'none' });
    for await (const _ of packed);
    const { diffId } = await packed.result;
    if (diffId !== layer.diffId)
      fail(
        `${image}: layer ${i} in the form ${JSON.stringify(form)} is packed as ${diffId}, and was ${layer.diffId}`,
      );
  }
  await opened.close();
  console.log(`  ${JSON.stringify(form)}: ${lowers.length} layers`);
}

/** podman binds its directories to themselves; nothing is to be removed through a mount. */
function unmountBelow(dir) {
  const points = readFileSync('/proc/self/mountinfo', 'utf8').matchAll(/^(?:\S+ ){4}(\S+)/gm);
  for (const [, point] of [...points].reverse()) if (point.startsWith(`${dir}/`)) call('umount', point);
}

/** Has a directory for a while. */
async function within(name, use) {
  const own = join(place, name);
  mkdirSync(own);
  try {
    return await use((...names) => join(own, ...names));
  } finally {
    unmountBelow(own);
    rmSync(own, { recursive: true, force: true });
  }
}

async function check(image) {
  console.log(image);
  const archive = join(place, 'image.tar');
  call('tar', '-C', image, '-cf', archive, '.');
  const lines = {};
  for (const [name, make] of Object.entries(TREES))
    if (!options.spoil || name === 'umoci' || name === 'mounted layers')
      lines[name] = await within('tree', async (at) => await make(image, archive, at));
  const { 'mounted layers': ours, ...others } = lines;
  for (const [name, theirs] of Object.entries(others)) compare(image, ours, theirs, name);
  if (options.spoil) return;
  for (const form of FORMS) await within('forms', async (at) => await again(image, form, at));
}

try {
  const images = positionals.length > 0 ? positionals : (await debianImages(options.images)).values();
  for (const image of images) await check(image);
} finally {
  rmSync(place, { recursive: true, force: true });
}
if (failures > 0) process.exitCode = 1;
