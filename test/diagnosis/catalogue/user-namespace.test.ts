// Row J of the catalogue: what only callers without privilege, or in a user namespace, meet.
import { expect } from 'vitest';
import { run } from '../../support/command.ts';
import { asNobody, printedJson, runNode } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { scratchDirectory } from '../../support/scratch.ts';
import { wordsOfCaller } from './words.ts';

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

const options: [string, object][] = [
  ['redirect_dir', { redirectDir: 'on' }],
  ['metacopy', { metacopy: true }],
  ['verity', { verity: 'on' }],
];

for (const [key, asked] of options) {
  const named = { id: 'J07', name: `in a user namespace: ${key}` };
  privileged(`${named.id} ${named.name}`, () => {
    const spec = { ...scratchDirectory().layers({ lower: 1 }), options: asked };
    const all = said(spec, namespace);
    expect(all).toEqual(all.map(() => `ERR_OVERLAY_NEEDS_TRUSTED ${key}`));
    wordsOfCaller(named, spec, 'ERR_OVERLAY_NEEDS_TRUSTED', { under: namespace });
  });
}

privileged('J09 locked mounts', () => {
  const scratch = scratchDirectory();
  const spec = scratch.layers({ lower: 1 });
  // In a namespace with fewer rights it is locked to what it covers.
  run('mount', '-t', 'tmpfs', 'test', scratch.join('lower0', 'dir'));
  const all = said(spec, namespace);
  expect(all).toEqual(all.map(() => 'ERR_OVERLAY_LOCKED_MOUNTS lower 0'));
  const named = { id: 'J09', name: 'in a user namespace: something is mounted in a lower' };
  wordsOfCaller(named, spec, 'ERR_OVERLAY_LOCKED_MOUNTS', { under: namespace });
});

const CODE = 'ERR_OVERLAY_NO_PRIVILEGE';

privileged('J01 an ordinary user', () => {
  const { target } = scratchDirectory().layers();
  const spec = { lower: ['/usr', '/etc'], target };
  const all = printedJson<string[]>(asNobody(script, { args: [JSON.stringify({ spec })] }));
  expect(all).toEqual(all.map(() => CODE));
  wordsOfCaller({ id: 'J01', name: 'an ordinary user' }, spec, CODE, { uid: 65534 });
});
privileged('J02 root without CAP_SYS_ADMIN', () => {
  const under = ['setpriv', '--bounding-set', '-sys_admin'];
  const { target } = scratchDirectory().layers();
  const spec = { lower: ['/usr', '/etc'], target };
  const all = said(spec, under);
  expect(all).toEqual(all.map(() => CODE));
  wordsOfCaller({ id: 'J02', name: 'root without CAP_SYS_ADMIN' }, spec, CODE, { under });
});
