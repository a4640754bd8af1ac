// Mounting without root, for real: what it shows and leaves, every way of the ladder, and how it fails.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsBelow } from '../support/mounts.ts';
import { asNobody, type NodeOptions, type Outcome, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tree } from '../support/tree.ts';
import { errorOf, families, forms, ways } from './forms.ts';

/** A layer tree of this user's, and a spec without root over it. */
function layers(more: Partial<MountSpec> = {}) {
  needUserNamespaces();
  const scratch = scratchDirectory();
  const { lower, upper } = scratch.layers({ lower: 2, work: false, target: false });
  return { scratch, lower, upper, spec: { lower, upper, rootless: true, ...more } satisfies MountSpec };
}

describe.each(ways)('%s', (_, form, via) => {
  test('shows the layers, takes changes in the upper, and is gone without a trace', async () => {
    const { scratch, lower, upper, spec } = layers({ via });
    await form.end(await form.mount(spec));
    const before = [mountsBelow(scratch.path), openDescriptors(), readdirSync(scratch.path)];
    const overlay = await form.mount(spec);
    expect(overlay).toMatchObject({ via, attached: false, path: `/proc/${process.pid}/fd/${overlay.fd}` });
    expect(mountsBelow(scratch.path)).toEqual(before[0]);
    writeFileSync(`${overlay.path}/shared`, 'changed');
    mkdirSync(`${overlay.path}/new`);
    expect(tree(overlay.path)).toMatchObject({
      shared: 'changed',
      'from-lower0': 'lower0',
      'from-lower1': 'lower1',
    });
    expect(tree(upper)).toEqual({ 'new/': '', shared: 'changed' });
    expect(readFileSync(`${lower[0]}/shared`, 'utf8')).toBe('lower0');
    expect(statSync(`${upper}/new`).uid).toBe(process.geteuid!());
    await form.end(overlay);
    rmdirSync(`${upper}/new`);
    expect([mountsBelow(scratch.path), openDescriptors(), readdirSync(scratch.path)]).toEqual(before);
  });

  test('a removed directory that is made again is empty, which user attributes keep', async () => {
    const { upper, spec } = layers({ via });
    const overlay = await form.mount(spec);
    rmSync(`${overlay.path}/dir`, { recursive: true });
    mkdirSync(`${overlay.path}/dir`);
    expect(readdirSync(`${overlay.path}/dir`)).toEqual([]);
    await form.end(overlay);
    const again = await form.mount(spec);
    expect(readdirSync(`${again.path}/dir`)).toEqual([]);
    await form.end(again);
    expect(readdirSync(upper)).toEqual(['dir']);
  });

  test('a view of one lower is read-only', async () => {
    const { lower } = layers();
    const view = await form.mount({ lower: lower[0]!, rootless: true, via });
    expect(readdirSync(view.path).sort()).toEqual(['dir', 'from-lower0', 'shared']);
    expect(() => writeFileSync(`${view.path}/new`, '')).toThrow(/EROFS/);
    await form.end(view);
  });

  test('a refused mount leaves the work directory as it was', async () => {
    const { scratch, spec } = layers({ via });
    const work = scratch.directory('work');
    const before = openDescriptors();
    const error = await errorOf(() => form.mount({ ...spec, work, options: { raw: { nonsense: 'yes' } } }));
    expect(error.code).toMatch(/^ERR_OVERLAY_(OPTION_REFUSED|UNEXPLAINED)$/);
    expect([readdirSync(work), openDescriptors()]).toEqual([[], before]);
  });
});

describe.each(forms)('$name', (form) => {
  test('layers can be descriptors, and an overlay without root can be a layer of the next', async () => {
    const { lower, spec } = layers();
    const handle = await open(lower[1]!, 'r');
    const one = await form.mount({ ...spec, lower: [lower[0]!, handle] });
    writeFileSync(`${one.path}/written`, 'below');
    const two = await form.mount({ lower: [one, lower[1]!], rootless: true });
    const three = await form.mount({ lower: one.path, rootless: true });
    expect([two, three].map(({ path }) => readFileSync(`${path}/written`, 'utf8'))).toEqual([
      'below',
      'below',
    ]);
    for (const overlay of [three, two, one]) await form.end(overlay);
    await handle.close();
  });

  test('an upper in use is refused, and the error says by whom', async () => {
    const { scratch, upper, spec } = layers();
    const before = openDescriptors();
    const overlay = await form.mount(spec);
    const error = await errorOf(() => form.mount({ ...spec, work: scratch.directory('work') }));
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_IN_USE', option: 'upper', path: upper });
    expect(error.message).toContain('a detached overlay of this process');
    await form.end(overlay);
    expect(openDescriptors().length).toBeLessThanOrEqual(before.length + 1);
  });

  test('what the guards of any mount refuse is refused, until one insists', async () => {
    const { scratch, lower, spec } = layers();
    const inside = scratch.directory('lower0/upper');
    const codeOf = async (more: object) => (await errorOf(() => form.mount({ ...spec, ...more }))).code;
    const overlaps = { upper: inside, work: scratch.directory('lower0/work') };
    expect(await codeOf(overlaps)).toBe('ERR_OVERLAY_UPPER_IN_LOWER');
    await form.end(await form.mount({ ...spec, ...overlaps, overlapLayers: true }));
    const first = await form.mount(spec);
    const inUse = { lower: [lower[0]!, spec.upper], rootless: true };
    expect((await errorOf(() => form.mount(inUse))).code).toBe('ERR_OVERLAY_LOWER_IN_USE');
    await form.end(await form.mount({ ...inUse, shareLower: true }));
    await form.end(first);
  });

  test.each(families)('what is wrong with a directory is said as ever, by %s', async (via) => {
    const { scratch, lower, upper, spec } = layers({ via });
    const file = scratch.file('file');
    const work = scratch.directory('work');
    writeFileSync(`${scratch.directory('other')}/work`, 'mine');
    const codeOf = async (more: object) => (await errorOf(() => form.mount({ ...spec, ...more }))).code;
    expect(await codeOf({ lower: ['/nowhere', ...lower] })).toBe('ERR_OVERLAY_NOT_FOUND');
    expect(await codeOf({ lower: file })).toBe('ERR_OVERLAY_NOT_DIRECTORY');
    expect(await codeOf({ lower: '/' })).toBe('ERR_OVERLAY_LOCKED_MOUNTS');
    expect(await codeOf({ upper: `${upper}/gone` })).toBe('ERR_OVERLAY_NOT_FOUND');
    expect(await codeOf({ work: upper })).toBe('ERR_OVERLAY_UPPER_IS_WORK');
    expect(await codeOf({ work: scratch.join('other') })).toBe('ERR_OVERLAY_WORK_HAS_DATA');
    expect(await codeOf({ lower: lower[0], data: Array(500).fill(work) })).toBe(
      'ERR_OVERLAY_TOO_MANY_LAYERS',
    );
    expect(readFileSync(scratch.join('other/work'), 'utf8')).toBe('mine');
  });
});

test('an upper in a directory of somebody else has no place for a work directory', () => {
  needUserNamespaces();
  const script = `
    import { mountSync } from 'overlayfs';
    try { mountSync({ lower: '/usr', upper: '/var', rootless: true }); } catch ({ code, option }) { console.log(JSON.stringify([code, option])); }`;
  expect(printedJson(asNobody(script))).toEqual(['ERR_OVERLAY_NO_WORK', 'upper']);
});

privileged('an overlay of the mount table with that upper is found', async () => {
  const { scratch, upper, spec, lower } = layers();
  const [work, target] = [scratch.directory('work'), scratch.directory('target')];
  run('mount', '-t', 'overlay', 'o', '-o', `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`, target);
  const error = await errorOf(() => mountSync({ ...spec, work: scratch.directory('work2') }));
  expect(error).toMatchObject({ code: 'ERR_OVERLAY_IN_USE', option: 'upper' });
  expect(error.message).toContain(target);
});

privileged('a layer with a mount in it is told of by that mount', async () => {
  const { scratch, lower, spec } = layers();
  const inner = scratch.directory('lower0/inner');
  run('mount', '-t', 'tmpfs', 'test', inner);
  const error = await errorOf(() => mount(spec));
  expect(error).toMatchObject({
    code: 'ERR_OVERLAY_LOCKED_MOUNTS',
    option: 'lower',
    index: 0,
    path: lower[0],
  });
  expect(error.message).toContain(inner);
});

/** As nobody: 20 rounds of each kind, promise and sync, and what is left of them. */
const rounds = `
  import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { mount, mountSync } from 'overlayfs';
  const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
  for (const name of ['lower', 'upper']) mkdirSync(base + '/' + name);
  writeFileSync(base + '/lower/a', 'a');
  const children = () => readdirSync('/proc/self/task').flatMap((id) => readFileSync('/proc/self/task/' + id + '/children', 'utf8').split(' ').filter(Boolean));
  const state = () => ({ descriptors: readdirSync('/proc/self/fd').length, children: children(), files: readdirSync(base) });
  const spec = { lower: base + '/lower', upper: base + '/upper', rootless: 'auto' };
  const seen = new Set();
  const use = (overlay) => { writeFileSync(overlay.path + '/b', 'b'); seen.add(overlay.via + ' ' + overlay.fallbacks.length + ' ' + readdirSync(overlay.path)); };
  const round = async () => {
    const now = mountSync(spec); use(now); now.unmountSync();
    const later = await mount(spec); use(later); await later.unmount();
    const views = await Promise.all([1, 2, 3, 4, 5].map(() => mount({ lower: spec.lower, rootless: 'auto' })));
    for (const view of views) { seen.add('view ' + readdirSync(view.path)); await view.unmount(); }
  };
  try {
    await round(); await round();
    const before = state();
    for (let i = 0; i < 20; i++) await round();
    console.log(JSON.stringify({ seen: [...seen], before, after: state() }));
  } finally {
    rmSync(base, { recursive: true, force: true });
  }`;

interface Rounds {
  readonly seen: readonly string[];
  readonly before: { readonly descriptors: number; readonly children: readonly string[] };
  readonly after: unknown;
}

describe('as an ordinary user', () => {
  test.each<[string, (script: string, options?: NodeOptions) => Outcome, string]>([
    ['this kernel', asNobody, 'fsopen 0 a,b'],
    ['one without layer descriptors', fakedAsNobody(kernels.withoutLayerDescriptors), 'fsopen 1 a,b'],
    [
      'one without lowerdir+',
      fakedAsNobody([...kernels.withoutLayerKeys, ...kernels.withoutLayerDescriptors]),
      'fsopen 2 a,b',
    ],
    ['one without the new mount API', fakedAsNobody(kernels.withoutNewMountApi), 'mount 3 a,b'],
    ['one without statmount', fakedAsNobody(kernels.withoutStatmount), 'fsopen 0 a,b'],
  ])('%s: mounts, and leaves no descriptor, child or file', (_, runScript, expected) => {
    needUserNamespaces();
    const { seen, before, after } = printedJson<Rounds>(runScript(rounds));
    expect(seen).toEqual([expected, 'view a']);
    expect(before.children).toEqual([]);
    expect(after).toEqual(before);
  });

  test('in worker threads, each with a user namespace of its own', () => {
    needUserNamespaces();
    const script = `
      import { once } from 'node:events';
      import { readdirSync } from 'node:fs';
      import { Worker } from 'node:worker_threads';
      const source = \`
        import { readdirSync } from 'node:fs';
        import { parentPort, workerData } from 'node:worker_threads';
        const { mount, mountSync } = await import(workerData);
        let entries = 0;
        for (let i = 0; i < 20; i++) {
          const now = mountSync({ lower: '/usr', rootless: true }); entries += readdirSync(now.path).length > 0; now.unmountSync();
          const later = await mount({ lower: '/usr', rootless: true }); entries += readdirSync(later.path).length > 0; await later.unmount();
        }
        parentPort.postMessage(entries);\`;
      const round = () => Promise.all([1, 2, 3, 4].map(async () => {
        const worker = new Worker(new URL('data:text/javascript,' + encodeURIComponent(source)), { workerData: import.meta.resolve('overlayfs') });
        const [[said]] = await Promise.all([once(worker, 'message'), once(worker, 'exit')]);
        return said;
      }));
      await round();
      const before = readdirSync('/proc/self/fd').length;
      const said = await round();
      console.log(JSON.stringify({ said, grown: readdirSync('/proc/self/fd').length - before }));`;
    expect(printedJson(asNobody(script))).toEqual({ said: [40, 40, 40, 40], grown: 0 });
  });

  test('a forgotten overlay is closed by the garbage collector, and its work directory removed', () => {
    needUserNamespaces();
    const script = `
      import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
      import { tmpdir } from 'node:os';
      import { mountSync } from 'overlayfs';
      const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
      mkdirSync(base + '/upper');
      mountSync({ lower: '/usr', rootless: true }).unmountSync();
      // What the first warning of a process opens.
      process.emitWarning('a first one');
      await new Promise((resolve) => setTimeout(resolve, 50));
      const before = readdirSync('/proc/self/fd').length;
      (() => { mountSync({ lower: '/usr', upper: base + '/upper', rootless: true }); })();
      const made = readdirSync(base).length;
      const open = () => readdirSync('/proc/self/fd').length;
      for (let i = 0; i < 200 && (readdirSync(base).length > 1 || open() > before); i++) { gc(); await new Promise((resolve) => setTimeout(resolve, 10)); }
      console.log(JSON.stringify({ made, left: readdirSync(base), grown: open() - before }));
      rmSync(base, { recursive: true });`;
    const outcome = asNobody(script, { execArgv: ['--expose-gc'] });
    expect(printedJson(outcome)).toEqual({ made: 2, left: ['upper'], grown: 0 });
  });
});

function fakedAsNobody(rules: readonly string[]) {
  return (script: string): Outcome =>
    process.geteuid!() === 0 ? runFaked(rules, script, { uid: 65534 }) : runFaked(rules, script);
}
