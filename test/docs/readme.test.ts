// The code of the README that a container runtime begins with does what it says.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { expect } from 'vitest';
import { inspectImage, openImage, unpackLayer, writeImage } from '../../lib/oci/index.ts';
import { packLayer } from '../../lib/oci/pack-layer.ts';
import { archive, directory, file } from '../oci/layer-archive.ts';
import { packageRoot } from '../support/built-package.ts';
import { runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const readme = readFileSync(`${packageRoot}/README.md`, 'utf8');

function codeAfter(mark: string): string {
  const code = readme.split(`<!-- ${mark} -->`)[1]?.match(/^\s*```js\n([\s\S]*?)```/)?.[1];
  if (code === undefined) throw new Error(`the README has no code behind ${mark}`);
  return code;
}

privileged('the code for container runtimes', async () => {
  const scratch = scratchDirectory();
  const layer = archive(directory('etc'), file('etc/motd', 'hello'), file('etc/issue', 'Debian'));
  await unpackLayer(Readable.from([layer]), scratch.join('layer'));
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  await writeImage([packLayer(scratch.join('layer'))], { os: 'linux', architecture }, scratch.join('debian'));
  execFileSync('tar', ['-cf', scratch.join('debian.tar'), '-C', scratch.join('debian'), '.']);
  mkdirSync(scratch.join('web/rootfs'), { recursive: true });
  // What the container does.
  const container =
    "fs.writeFileSync('/srv/web/rootfs/etc/motd', 'changed'); fs.rmSync('/srv/web/rootfs/etc/issue');";
  const code = codeAfter('runtime-code').replace('// runc run --bundle /srv/web web', container);
  const source = `import fs from 'node:fs'; ${code.replaceAll('/srv', scratch.path)}`;
  const { status, stdout, stderr } = runNode(source);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual(expect.arrayContaining(['deleted etc/issue', 'modified etc/motd']));
  const image = await openImage(scratch.join('image'));
  const { layers, tree } = await inspectImage(image);
  expect(layers[1]!.changes.map(({ kind, path }) => `${kind} ${path}`)).toEqual(
    expect.arrayContaining(['deleted etc/issue', 'modified etc/motd']),
  );
  expect(tree).toEqual({ paths: 2, bytes: 'changed'.length });
  await image.close();
});
