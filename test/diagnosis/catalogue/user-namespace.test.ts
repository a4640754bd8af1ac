// Row J of the catalogue: what only callers without privilege, or in a user namespace, meet.
import { expect } from 'vitest';
import { asNobody, printedJson, runNode } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, scratchDirectory } from '../../support/scratch.ts';

/** By explain(), and by mount() of both families in both forms: code and option. */
const script = `
  import { explainSync, mount, mountSync } from 'overlayfs';
  const { before, spec } = JSON.parse(process.argv[1]);
  const say = ({ code, option, index }) => [code, option, index].filter((x) => x !== undefined).join(' ');
  const said = [say(explainSync(spec)[0] ?? { code: 'nothing' })];
  for (const via of ['fsopen', 'mount']) {
    for (const form of [mount, mountSync]) {
      try { const overlay = await form({ ...spec, via }); overlay.unmountSync(); said.push('mounted'); }
      catch (error) { said.push(say(error)); }
    }
  }
  console.log(JSON.stringify(said));`;

const namespace = ['unshare', '--user', '--map-root-user', '--mount'];

function said(spec: object, under: readonly string[]): string[] {
  return printedJson(runNode(script, { under, args: [JSON.stringify({ spec })] }));
}

const conditions: [string, (layers: LayerDirectories) => object, string][] = [
  [
    'J07 redirectDir',
    (layers) => ({ ...layers, options: { redirectDir: 'on' } }),
    'NEEDS_TRUSTED redirect_dir',
  ],
  ['J07 metacopy', (layers) => ({ ...layers, options: { metacopy: true } }), 'NEEDS_TRUSTED metacopy'],
  ['J07 verity', (layers) => ({ ...layers, options: { verity: 'on' } }), 'NEEDS_TRUSTED verity'],
  ['J09 locked mounts', (layers) => ({ ...layers, lower: '/' }), 'LOCKED_MOUNTS lower 0'],
];

for (const [name, make, expected] of conditions) {
  privileged(name, () => {
    const spec = { options: { userxattr: undefined }, ...make(scratchDirectory().layers({ lower: 1 })) };
    const all = said(spec, namespace);
    expect(all).toEqual(all.map(() => `ERR_OVERLAY_${expected}`));
  });
}

privileged('J01 an ordinary user', () => {
  const spec = { lower: ['/usr', '/etc'] };
  const all = printedJson<string[]>(asNobody(script, { args: [JSON.stringify({ spec })] }));
  expect(all).toEqual(all.map(() => 'ERR_OVERLAY_NO_PRIVILEGE'));
});
privileged('J02 root without CAP_SYS_ADMIN', () => {
  const all = said({ lower: ['/usr', '/etc'] }, ['setpriv', '--bounding-set', '-sys_admin']);
  expect(all).toEqual(all.map(() => 'ERR_OVERLAY_NO_PRIVILEGE'));
});
