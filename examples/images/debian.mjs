// An image of a real Debian, a layer for each of some packages: debootstrap, then dpkg on an overlay of the layers so far.
// Needs root, debootstrap and apt; the mirror is the one that apt uses. As a program: node debian.mjs DIRECTORY [LAYERS].
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { mount } from 'overlayfs';
import { packLayer, writeImage } from 'overlayfs/oci';

/** Small ones, of which one has a file with a capability (ping). */
export const SMALL_PACKAGES = [
  ...['less', 'file', 'bzip2', 'xz-utils', 'openssl', 'jq', 'sqlite3', 'tree', 'bc', 'patch', 'rsync'],
  ...['procps', 'iproute2', 'attr', 'acl', 'libcap2-bin', 'iputils-ping'],
];

/** What real layers have besides new files; each a layer of its own, the last ones of the image. */
const CHANGES = [
  // Deletions, an opaque directory, a file for a directory, a directory for a file, a link for a file.
  `rm -rf usr/share/doc var/cache/debconf etc/motd && mkdir var/cache/debconf && echo new > var/cache/debconf/new
  rm -rf usr/share/man && echo 'no manual' > usr/share/man
  rm etc/issue && mkdir etc/issue && echo text > etc/issue/text
  ln -sf ../usr/lib/os-release etc/issue.net`,
  // Links to what is below, devices, a fifo, modes, owners, times, attributes, names of any bytes, a hole.
  `ln bin/cat usr/local/bin/cat && ln usr/local/bin/cat usr/local/bin/meow && mkdir -m 3775 srv/odd && cd srv/odd
  mknod null c 1 3 && mknod disk b 7 200 && mkfifo -m 622 pipe && chown 1234567:7654321 pipe
  cp /bin/true setuid && chmod 6755 setuid && ln -s 'nowhere at all' link && chown -h 12:34 link
  touch -h -d '1969-12-31 23:59:58.5' link && touch -d '2038-01-20 03:14:08.123456789' late
  touch "$(printf 'caf\\351')" 'new
line' && truncate -s 1M hole && mkdir closed && echo inside > closed/file && chmod 000 closed
  setcap cap_net_raw+ep setuid && setfattr -n user.text -v text late && setfattr -n user.bytes -v 0x00ff0a3d late
  setfattr -n trusted.note -v kept . && setfacl -m u:42:rw late && mkdir heirs
  setfacl -d -m g:43:rx heirs`,
];

const run = promisify(execFile);
const call = async (command, args, options = {}) => {
  try {
    return (await run(command, args, { maxBuffer: 2 ** 28, ...options })).stdout;
  } catch (cause) {
    // Some tell the reason on stdout.
    const words = [cause.stdout, cause.stderr].join('').trim().split('\n').slice(-3).join('\n');
    throw new Error(`${command} has failed: ${words || cause.message}`, { cause });
  }
};

/** Where apt gets the release of this machine from. */
async function mirror() {
  const format = '$(REPO_URI) $(CODENAME) $(COMPONENT)';
  const lines = await call('apt-get', ['indextargets', '--format', format, 'Created-By: Packages']);
  const found = lines.split('\n').find((line) => line.endsWith(' main'));
  if (found === undefined) throw new Error('apt has no source with a component main');
  const [uri, suite] = found.split(' ');
  const proxy = await call('sh', ['-c', 'eval "$(apt-config shell p Acquire::http::Proxy)"; printf %s "$p"']);
  return { uri, suite, env: proxy === '' ? process.env : { ...process.env, http_proxy: proxy } };
}

/** Downloads packages with all that they need, and names their files in the order in which they can be unpacked. */
async function download(root, packages, archives) {
  await mkdir(join(archives, 'partial'), { recursive: true });
  const own = [`Dir=${root}`, `Dir::Cache::archives=${archives}`, 'APT::Sandbox::User=root'];
  const args = [...own.flatMap((option) => ['-o', option]), '--no-install-recommends', '-y', 'install'];
  await call('apt-get', [...args, '--download-only', ...packages]);
  const plan = await call('apt-get', [...args, '--simulate', ...packages]);
  return [...plan.matchAll(/^Inst (\S+) (?:\[\S+\] )?\((\S+) .*\[(\S+)\]\)/gm)].map(
    ([, name, version, arch]) => join(archives, `${name}_${version.replaceAll(':', '%3a')}_${arch}.deb`),
  );
}

async function bootstrap(root, packages, archives) {
  const { uri, suite, env } = await mirror();
  await call('debootstrap', ['--variant=minbase', suite, root, uri], { env });
  const files = await download(root, packages, archives);
  await call('sh', ['-c', 'rm -rf var/lib/apt/lists/* var/cache/apt/* var/log/*.log var/log/apt'], {
    cwd: root,
  });
  // Who installs a server does not want it to start.
  await writeFile(join(root, 'usr/sbin/policy-rc.d'), '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return files;
}

/** Lays a layer over those that are there, and has it filled. */
async function over(lower, upper, target, fill) {
  // Each layer is to be whole: nothing in it that refers to those below.
  const options = { redirectDir: 'off', metacopy: false };
  const overlay = await mount({ lower, upper, target, mkdir: true, options });
  try {
    await fill(target);
  } finally {
    await overlay.unmount();
  }
}

// A step that makes a layer: what it does, and what the image's history says of it.
const dpkg = (files) => ({
  words: `dpkg --install ${files.map((file) => basename(file).split('_')[0]).join(' ')}`,
  async run(root) {
    // What a package depends on may be in a layer that comes later.
    const options = ['--force-depends', '--force-unsafe-io', '--log=/dev/null'];
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C' };
    await call('dpkg', [`--root=${root}`, ...options, '--install', ...files], { env });
  },
});

const inside = (script) => ({
  words: script,
  async run(root) {
    await call('chroot', [root, 'sh', '-ec', script]);
  },
});

/**
 * Makes the image `path`, an OCI layout, unless it is there.
 *
 * @param layers how many, at least 4: the system, the packages in as many layers as there are left, and two of changes
 * @param packages as many as layers and more, with what they depend on; fewer give fewer layers
 */
export async function debianImage(path, { layers = 25, packages = SMALL_PACKAGES } = {}) {
  if ((await readdir(path).catch(() => [])).includes('index.json')) return path;
  const work = await mkdtemp(`${path}-making-`);
  try {
    const directories = [join(work, '0')];
    const files = await bootstrap(directories[0], packages, join(work, 'archives'));
    const groups = Math.min(layers - 1 - CHANGES.length, files.length);
    const cut = (i) => Math.round((i * files.length) / groups);
    const installs = Array.from({ length: groups }, (_, i) => files.slice(cut(i), cut(i + 1)));
    const history = ['debootstrap --variant=minbase'];
    for (const step of [...installs.map(dpkg), ...CHANGES.map(inside)]) {
      const upper = join(work, String(directories.length));
      await over(directories.toReversed(), upper, join(work, 'root'), step.run);
      directories.push(upper);
      history.push(step.words);
    }
    await writeLayers(directories, history, join(work, 'image'));
    await rename(join(work, 'image'), path).catch((error) => {
      // Somebody else has made one meanwhile.
      if (!['ENOTEMPTY', 'EEXIST'].includes(error.code)) throw error;
    });
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return path;
}

async function writeLayers(directories, history, path) {
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  const Env = ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'];
  const config = {
    os: 'linux',
    architecture,
    config: { Cmd: ['/bin/sh'], Env },
    history: history.map((step) => ({ created_by: step })),
  };
  const layers = directories.map((directory) => packLayer(directory));
  await writeImage(layers, config, path);
}

if (process.argv[1] === import.meta.filename) {
  const [path, layers] = process.argv.slice(2);
  console.log(await debianImage(path, { layers: Number(layers ?? 25) }));
}
