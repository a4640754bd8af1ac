// Rows whose caller makes the difference: unmapped owners, closed directories, no descriptors left, other mount namespaces.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { explainSync } from '../../../lib/mount/explain.ts';
import { needUserNamespaces } from '../../cli/need-user-namespaces.ts';
import { errorOf, ways } from '../../mount/forms.ts';
import { asNobody, type Outcome, printedJson, runNode } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';

/** Prints code, option, index and path: of explain(), and of mount() by each family in each form. `before` is run first. */
const script = `
  import * as fs from 'node:fs';
  import { explainSync, mount, mountSync } from 'overlayfs';
  const { spec, before } = JSON.parse(process.argv[1]);
  const say = ({ code, option, index, path }) => [code, option, index, path].filter((x) => x !== undefined).join(' ');
  const held = [];
  if (before) new Function('fs', 'held', 'spec', before)(fs, held, spec);
  const said = [say(explainSync(spec)[0] ?? { code: 'nothing' })];
  for (const via of ['fsopen', 'mount']) {
    for (const form of [mount, mountSync]) {
      try { const overlay = await form({ ...spec, via }); overlay.unmountSync(); said.push('mounted'); }
      catch (error) { said.push(say(error)); }
    }
  }
  for (const fd of held) fs.closeSync(fd);
  console.log(JSON.stringify(said));`;

type Run = (options: { args: string[] }) => Outcome;
const under =
  (...program: string[]): Run =>
  (options) =>
    runNode(script, { ...options, under: program });

const inNamespace = under('unshare', '--user', '--map-root-user', '--mount');
/** An ordinary user as root of a namespace of its own: root's files belong to nobody there. */
const unmapped = under(
  ...['setpriv', '--reuid=1000', '--regid=1000', '--clear-groups'],
  ...['unshare', '--user', '--map-root-user', '--mount'],
);
const few = under('prlimit', '--nofile=64:64');
const nobody: Run = (options) => asNobody(script, options);

type Make = (layers: LayerDirectories, scratch: Scratch) => object;
const userxattr = { options: { userxattr: true } };

/** id, who runs it, the spec, what all five answers are without their prefix; `$T` stands for the scratch directory. */
const rows: [id: string, run: Run, make: Make, expected: string, before?: string][] = [
  [
    'J05 an owner that is not mapped',
    unmapped,
    (layers) => ({ ...layers, ...userxattr }),
    'BECAME_READ_ONLY work $T/work',
  ],
  [
    'J05 the same, work left out',
    unmapped,
    ({ lower, upper, target }) => ({ lower, upper, target, ...userxattr }),
    'NO_WORK upper $T/upper',
  ],
  [
    'K05 a target in a closed directory',
    unmapped,
    ({ lower }, scratch) => ({ lower, target: inClosed(scratch) }),
    'NO_ACCESS target $T/closed/inner',
  ],
  [
    'K05 a lower in a closed directory',
    unmapped,
    ({ lower, target }, scratch) => ({ lower: [lower[0], inClosed(scratch)], target }),
    'NO_ACCESS lower 1 $T/closed/inner',
  ],
  [
    'J07 data layers',
    inNamespace,
    ({ lower, target }) => ({ lower: lower[0], data: [lower[1]], target }),
    'NEEDS_TRUSTED data 0 $T/lower1',
  ],
  [
    'J01 an ordinary user without work',
    nobody,
    ({ lower, upper, target }) => ({ lower, upper, target }),
    'NO_WORK upper $T/upper',
  ],
  [
    'EMFILE: no descriptor is left',
    few,
    (layers) => layers,
    'TOO_MANY_OPEN_FILES',
    "for (;;) try { held.push(fs.openSync('/dev/null')) } catch { break }",
  ],
  [
    'EMFILE: two descriptors are left',
    few,
    (layers) => layers,
    'TOO_MANY_OPEN_FILES',
    "for (;;) try { held.push(fs.openSync('/dev/null')) } catch { break }\n for (const fd of held.splice(-2)) fs.closeSync(fd)",
  ],
  [
    'A22 relative to a directory that is gone',
    under('env'),
    (layers) => ({ ...layers, target: 'here' }),
    'NOT_FOUND target here',
    "fs.mkdirSync(spec.upper + '/cwd'); process.chdir(spec.upper + '/cwd'); fs.rmdirSync(spec.upper + '/cwd')",
  ],
];

function inClosed(scratch: Scratch): string {
  const path = scratch.directory('closed', 'inner');
  chmodSync(scratch.join('closed'), 0o700);
  return path;
}

for (const [id, run, make, expected, before] of rows) {
  privileged(id, () => {
    if (run === inNamespace || run === unmapped) needUserNamespaces();
    const scratch = scratchDirectory();
    const spec = make(scratch.layers({ lower: 2 }), scratch);
    const all = printedJson<string[]>(run({ args: [JSON.stringify({ spec, before })] }));
    expect(all.map((said) => said.replace(scratch.path, '$T'))).toEqual(
      Array(5).fill(`ERR_OVERLAY_${expected}`),
    );
  });
}

privileged('J13 a lower that may not be listed: it mounts, and explain() tells', () => {
  needUserNamespaces();
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers({ lower: 2 });
  chmodSync(lower[1]!, 0o700);
  const all = printedJson<string[]>(unmapped({ args: [JSON.stringify({ spec: { lower, target } })] }));
  expect(all).toEqual([`ERR_OVERLAY_LAYER_CLOSED lower 1 ${lower[1]}`, ...Array(4).fill('mounted')]);
});

/** The root directory as a process sees it that has a mount namespace of its own, with a tmpfs at `path`. */
async function otherRoot(path: string): Promise<string> {
  const words = ['--mount', '--propagation', 'private', 'sh', '-c'];
  const commands = `mount -t tmpfs test '${path}' && mkdir '${path}/l' '${path}/u' '${path}/w' && echo && exec sleep 60`;
  const child: ChildProcess = spawn('unshare', [...words, commands], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  });
  await once(child.stdout!, 'data');
  return `/proc/${child.pid}/root`;
}

const FOREIGN: [string, string, (foreign: string, layers: LayerDirectories) => object, object][] = [
  ['lower', 'FOREIGN_MOUNT', (foreign) => ({ lower: ['/etc', `${foreign}/l`] }), { index: 1 }],
  ['upper', 'FOREIGN_MOUNT', (foreign) => ({ upper: `${foreign}/u`, work: `${foreign}/w` }), {}],
  ['data', 'FOREIGN_MOUNT', (foreign, { lower }) => ({ lower, data: [`${foreign}/l`] }), { index: 0 }],
  ['target', 'FOREIGN_TARGET', (foreign) => ({ target: `${foreign}/l` }), {}],
];

for (const [option, code, change, more] of FOREIGN) {
  privileged(`J10 ${option} on a mount of another mount namespace`, async () => {
    const scratch = scratchDirectory();
    const layers = scratch.layers();
    mkdirSync(scratch.join('foreign'));
    const foreign = `${await otherRoot(scratch.join('foreign'))}${scratch.join('foreign')}`;
    const spec = { ...layers, ...change(foreign, layers) };
    const expected = { code: `ERR_OVERLAY_${code}`, option, ...more };
    expect(explainSync(spec)[0]).toMatchObject(expected);
    for (const [, form, via] of ways) {
      expect(await errorOf(() => form.mount({ ...spec, via }))).toMatchObject({ ...expected, errno: -22 });
    }
  });
}
