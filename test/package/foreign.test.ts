// Makes a mount with the prebuilt addons of foreign architectures, under qemu: byte order, word size, call numbers.
//
// Nodes of those architectures are 100 MB each, so it runs where they were put; CONTRIBUTING.md has the commands.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { which } from '../support/command.ts';
import { privileged } from '../support/privilege.ts';
import { skip } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { installPackage } from './installed-package.ts';

interface Foreign {
  /** The directory of its Node, as the registry names the architecture. */
  node: string;
  qemu: string;
  /** Where Debian's cross compilers have its libraries. */
  libraries: string;
}

const foreign: Readonly<Record<string, Foreign>> = {
  arm64: { node: 'arm64', qemu: 'qemu-aarch64-static', libraries: '/usr/aarch64-linux-gnu' },
  arm: { node: 'armv7l', qemu: 'qemu-arm-static', libraries: '/usr/arm-linux-gnueabihf' },
  ppc64: { node: 'ppc64le', qemu: 'qemu-ppc64le-static', libraries: '/usr/powerpc64le-linux-gnu' },
  s390x: { node: 's390x', qemu: 'qemu-s390x-static', libraries: '/usr/s390x-linux-gnu' },
};

/** Mounts, writes through, lists and unmounts; each argument is a directory. */
const script = `
  import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
  import { list, mount, mountSync } from 'overlayfs';
  const [lower, upper, target] = process.argv.slice(1);
  const seen = { arch: process.arch };
  for (const [form, make] of Object.entries({ mount, mountSync })) {
    const overlay = await make({ lower, upper, target });
    writeFileSync(target + '/made', form);
    seen[form] = [overlay.via, readFileSync(target + '/from-lower0', 'utf8'), readFileSync(upper + '/made', 'utf8')];
    seen.listed = (await list()).filter((mounted) => String(mounted.target) === target).length;
    await overlay.unmount();
  }
  seen.after = readdirSync(target);
  seen.error = await mount({ lower: lower + '/gone', target }).catch((error) => [error.code, error.option]);
  seen.addons = [...new Set(readFileSync('/proc/self/maps', 'latin1').match(/linux-\\w+\\/overlayfs\\.node$/gm))];
  console.log(JSON.stringify(seen));
`;

for (const [arch, { node, qemu, libraries }] of Object.entries(foreign)) {
  privileged(`mounts with the addon for ${arch}`, () => {
    const nodes = process.env.OVERLAYFS_FOREIGN_NODES;
    if (nodes === undefined) return skip('OVERLAYFS_FOREIGN_NODES does not say where foreign Nodes are');
    const program = join(nodes, node, 'bin/node');
    for (const needed of [program, libraries]) if (!existsSync(needed)) return skip(`there is no ${needed}`);
    const emulator = which(qemu);
    if (emulator === undefined) return skip(`there is no ${qemu}`);
    const { lower, upper, target } = scratchDirectory().layers();
    const { status, stdout, stderr } = spawnSync(
      emulator,
      ['-L', libraries, program, '--input-type=module', '-e', script, '--', lower[0]!, upper, target],
      { cwd: installPackage().project, encoding: 'utf8', env: { ...process.env, NODE_OPTIONS: '' } },
    );
    expect(status, stdout + stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({
      arch,
      mount: [expect.stringMatching(/^(fsopen|mount)$/), 'lower0', 'mount'],
      mountSync: [expect.stringMatching(/^(fsopen|mount)$/), 'lower0', 'mountSync'],
      listed: 1,
      after: [],
      error: [expect.stringMatching(/^ERR_OVERLAY_/), 'lower'],
      addons: [`linux-${arch}/overlayfs.node`],
    });
  });
}
