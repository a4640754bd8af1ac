// A small container runtime: an image becomes snapshots, one more of them the root of a container that runc runs; what that
// changed becomes a layer, and on top of the others an image again, which podman runs.
//
//   node examples/container.mjs [IMAGE [COMMAND]]
//
// IMAGE is an OCI layout, or an archive of one or of docker save; without one a Debian of 25 layers is made by debootstrap,
// which takes a minute. Needs root, and Debian's packages runc and podman. Leaves nothing behind, also when it fails.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { openImage, writeImage } from 'overlayfs/oci';
import { openStore } from 'overlayfs/store';
import { debianImage } from './images/debian.mjs';

const COMMAND = `
  useradd --create-home guest
  echo "Hello from $(. /etc/os-release; echo $PRETTY_NAME)" > /home/guest/hello
  chmod u-w /etc/host.conf
  rm -r /var/log/*
  echo "$(id guest) has come"`;

const execute = promisify(execFile);
const [given, command = COMMAND] = process.argv.slice(2);
const place = await mkdtemp(join(tmpdir(), 'container-'));
const name = basename(place);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort());

/** Runs a program in namespaces of its own: what it starts and what it mounts goes with it, and it goes with us. */
async function apart(...program) {
  stop.signal.throwIfAborted();
  const own = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc', '--propagation', 'private'];
  const args = ['--pdeathsig', 'KILL', 'unshare', ...own, ...program];
  const running = execute('setpriv', args, { cwd: place });
  stop.signal.addEventListener('abort', () => running.child.kill('SIGKILL'));
  return (await running).stdout.trim();
}

/** Tells runc what to run: a bundle is a directory with the container's root and with this. */
async function describe(bundle) {
  await execute('runc', ['spec', '--bundle', bundle]);
  const spec = JSON.parse(await readFile(join(bundle, 'config.json'), 'utf8'));
  Object.assign(spec.process, { terminal: false, args: ['/bin/sh', '-ec', command] });
  // What useradd and installers of packages need besides.
  const more = ['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_SETGID', 'CAP_SETUID'];
  for (const set of ['bounding', 'effective', 'permitted']) spec.process.capabilities[set].push(...more);
  spec.root.readonly = false;
  spec.linux.cgroupsPath = `/${name}/runc`;
  await writeFile(join(bundle, 'config.json'), JSON.stringify(spec));
}

/** Runs the command in a snapshot, which is mounted as long as that takes. */
async function runByRunc(store, key) {
  const bundle = join(place, 'bundle');
  await mkdir(join(bundle, 'rootfs'), { recursive: true });
  await describe(bundle);
  const root = await store.mount(key, join(bundle, 'rootfs'));
  try {
    return await apart('runc', '--root', join(place, 'runc'), 'run', '--bundle', bundle, 'container');
  } finally {
    await root.unmount();
  }
}

/** Has podman read an image and run it; what it keeps is in `place`, or in a /run and a /var/lib of its own. */
async function runByPodman(layout) {
  const script = `mount -t tmpfs own /run && mount -t tmpfs own /var/lib
    podman() {
      command podman --root "$PWD/podman" --runroot /run/podman --tmpdir /run/libpod --storage-driver overlay \
        --runtime runc --cgroup-manager cgroupfs "$@"
    }
    image=$(podman pull --quiet oci:$1)
    podman run --rm --network none --log-driver none --cgroups no-conmon --cgroup-parent /${name} \
      --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$image"`;
  return await apart('sh', '-ec', script, 'sh', layout);
}

try {
  const images = process.env.OVERLAYFS_IMAGES ?? place;
  const image = await openImage(given ?? (await debianImage(join(images, 'debian-25'))));
  const store = await openStore(join(place, 'store'));

  // Each layer becomes a snapshot, made of the one below.
  const top = await store.import(image, { signal: stop.signal });
  console.log(`${image.layers.length} layers are in the store (driver ${store.driver})`);

  // A container is one more, which can be written to.
  await store.prepare('container', top.name);
  console.log('runc:', await runByRunc(store, 'container'));
  for await (const { kind, path, type, what } of store.changes('container'))
    if (kind !== 'modified' || type !== 'directory') console.log(`  ${kind} ${path} ${what.join(' ')}`);

  // Committed, it can have containers of its own. Packed, it is a layer.
  await store.commit('with a guest', 'container');
  const layers = [...image.layers, await store.pack('with a guest')];
  const config = { ...image.config.config, Cmd: ['cat', '/home/guest/hello'] };
  const history = image.config.history?.concat({ created_by: command });
  await writeImage(layers, { ...image.config, config, history }, join(place, 'image'));
  console.log(`${layers.length} layers are the new image`);
  console.log('podman:', await runByPodman('image'));

  await store.close();
  await image.close();
} finally {
  // runc and podman leave their cgroups when they are killed, and podman leaves the one above in any case.
  const remove = `find /sys/fs/cgroup -depth -type d -path '*/${name}*' -delete`;
  await execute('sh', ['-c', `${remove} 2> /dev/null || { sleep 1; ${remove}; }`]);
  await rm(place, { recursive: true });
}
