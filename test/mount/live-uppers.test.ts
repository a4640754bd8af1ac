// The guard: an upper or work that a live overlay has is refused, under whatever name, wherever that overlay is.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { LiveUppers } from '../../lib/mount/live-uppers.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { unmountSync } from '../../lib/mount/unmount.ts';
import { packageRoot } from '../support/built-package.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { tree } from '../support/tree.ts';
import { entryAt, errorOf, forms, ways } from './forms.ts';

/** Two stacks on one upper and work: the second has its own work and target. */
function twoStacks() {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers();
  return {
    scratch,
    first: { lower, upper, work, target } satisfies MountSpec,
    second: {
      lower: scratch.file('other/in-other').replace('/in-other', ''),
      upper: scratch.directory('upper2'),
      work: scratch.directory('work2'),
      target: scratch.directory('target2'),
    } satisfies MountSpec,
  };
}

/** Runs a script in another process (in another mount namespace on demand) until it has printed a line. */
async function until(line: string, script: string, under: readonly string[] = []): Promise<ChildProcess> {
  const [program, ...words] = [...under, process.execPath, '--input-type=module', '-e', script];
  const child = spawn(program!, words, { cwd: packageRoot, stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  });
  for await (const printed of createInterface({ input: child.stdout! })) if (printed === line) return child;
  throw new Error('it ended too early');
}

async function killed(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Mounts, says so and stays. */
const staying = (spec: MountSpec) => `
  import { mountSync } from 'overlayfs';
  globalThis.overlay = mountSync(${JSON.stringify(spec)});
  console.log('mounted');
  setInterval(() => {}, 1000);`;

const inUse = { code: 'ERR_OVERLAY_IN_USE' };
const privateNamespace = ['unshare', '--mount', '--propagation', 'private'];

describePrivileged('the guard', () => {
  describe.each(ways)('%s', (_, form, via) => {
    test('refuses the upper and the work of a mounted overlay, each in each role', async () => {
      const { first, second } = twoStacks();
      await using _overlay = await form.mount({ ...first, via });
      for (const [more, option] of [
        [{ upper: first.upper }, 'upper'],
        [{ work: first.work }, 'work'],
        [{ upper: first.work }, 'upper'],
        [{ work: first.upper }, 'work'],
        [{ upper: first.work, work: first.upper }, 'upper'],
        [{ upper: first.upper, work: first.work }, 'upper'],
      ] as const) {
        const error = await errorOf(() => form.mount({ ...second, ...more, via }));
        expect(error).toMatchObject({ ...inUse, option, path: Object.values(more)[0] });
        expect(error.message).toContain(JSON.stringify(first.target));
      }
      expect(entryAt(second.target)).toBeUndefined();
      expect(readdirSync(second.work)).toEqual([]);
    });

    test('lets them go with the unmount', async () => {
      const { first, second } = twoStacks();
      for (const swap of [false, true, false]) {
        const overlay = await form.mount({ ...first, via, target: swap ? second.target : first.target });
        await form.end(overlay);
      }
      const detached = await form.mount({ ...second, target: undefined as never, via });
      await form.end(detached);
      await form.end(await form.mount({ ...second, via }));
    });

    test('refuses those of a detached overlay of this process', async () => {
      const { first, second } = twoStacks();
      const { target: _target, ...detached } = first;
      await using _overlay = await form.mount({ ...detached, via });
      const error = await errorOf(() => form.mount({ ...second, upper: first.upper, via }));
      expect(error).toMatchObject({ ...inUse, option: 'upper', path: first.upper });
      expect(error.message).toContain('this process');
    });

    test('shareUpper insists', async () => {
      const { first, second } = twoStacks();
      await using _overlay = await form.mount({ ...first, via });
      // The kernel itself never shares a work directory.
      await using shared = await form.mount({ ...second, upper: first.upper, shareUpper: true, via });
      expect(entryAt(shared.path)).toMatchObject({ upper: first.upper });
    });
  });

  test('knows a directory under any other name', async () => {
    const { scratch, first, second } = twoStacks();
    symlinkSync(first.upper, scratch.join('link'));
    run('mount', '--bind', first.upper, scratch.directory('bound'));
    await using _overlay = await mount(first);
    const fd = openSync(first.upper, 'r');
    for (const upper of [
      scratch.join('link'),
      scratch.join('bound'),
      `${scratch.path}/./target/../upper/`,
      Buffer.from(first.upper),
      { fd },
    ]) {
      expect(await errorOf(() => mount({ ...second, upper }))).toMatchObject({ ...inUse, option: 'upper' });
    }
    closeSync(fd);
  });

  test('says that upper and work are one directory, when they are', async () => {
    const { first } = twoStacks();
    for (const form of forms) {
      expect(await errorOf(() => form.mount({ ...first, work: `${first.upper}/.` }))).toMatchObject({
        code: 'ERR_OVERLAY_UPPER_IS_WORK',
        option: 'work',
        hint: expect.stringContaining('another'),
      });
    }
  });

  describe('of other mounters', () => {
    const byMount8 = ({ lower, upper, work, target }: ReturnType<typeof twoStacks>['first']) => [
      ...['mount', '-t', 'overlay', 'overlay', '-o'],
      ...[`lowerdir=${lower[0]},upperdir=${upper},workdir=${work}`, target],
    ];

    test.each(forms)('refuses those of mount(8), $name', async (form) => {
      const { first, second } = twoStacks();
      // Ours first, so that the table is known already when the other mount appears.
      await form.end(await form.mount(second));
      run(...(byMount8(first) as [string, ...string[]]));
      const error = await errorOf(() => form.mount({ ...second, upper: first.upper }));
      expect(error).toMatchObject({ ...inUse, option: 'upper' });
      expect(error.message).toContain(JSON.stringify(first.target));
      run('umount', first.target);
      await form.end(await form.mount({ ...second, upper: first.upper }));
    });

    test('by a name with a backslash, which is shown in one of two ways', async () => {
      const { scratch, second } = twoStacks();
      const [lower, upper, work, target] = ['l', 'u\\:x', 'w\\\\', 't'].map((name) =>
        scratch.directory(name),
      );
      for (const via of ['fsopen', 'mount'] as const) {
        const spec = JSON.stringify({ lower, upper, work, target, via });
        // Another process, which is over: no lock is left, only the table tells.
        printedJson(
          runFaked([], `import { mountSync } from 'overlayfs'; mountSync(${spec}); console.log(1);`),
        );
        expect(await errorOf(() => mount({ ...second, upper: upper! }))).toMatchObject(inUse);
        expect(await errorOf(() => mount({ ...second, work: work! }))).toMatchObject(inUse);
        unmountSync(target!);
      }
    });

    test("another process's detached overlay is refused and its pid named, until it is killed", async () => {
      const { first, second } = twoStacks();
      const { target: _target, ...detached } = first;
      const child = await until('mounted', staying(detached as MountSpec));
      for (const form of forms) {
        const error = await errorOf(() => form.mount({ ...second, upper: first.upper }));
        expect(error).toMatchObject({ ...inUse, option: 'upper' });
        expect(error.message).toMatch(new RegExp(`process ${child.pid} \\(node\\)`));
        expect(await errorOf(() => form.mount({ ...second, work: first.work }))).toMatchObject(inUse);
      }
      await killed(child);
      (await mount({ ...second, upper: first.upper })).unmountSync();
    });

    test("an overlay of another process's mount namespace too", async () => {
      const { first, second } = twoStacks();
      const child = await until('mounted', staying(first), privateNamespace);
      expect(entryAt(first.target)).toBeUndefined();
      const error = await errorOf(() => mount({ ...second, upper: first.upper }));
      expect(error.message).toMatch(new RegExp(`process ${child.pid} `));
      await killed(child);
      (await mount({ ...second, upper: first.upper })).unmountSync();
    });

    test("a worker thread's detached overlay", async () => {
      const { first, second } = twoStacks();
      const { target: _target, ...detached } = first;
      const source = `
        const { parentPort, workerData } = require('node:worker_threads');
        import(workerData.index).then(({ mountSync }) => {
          globalThis.overlay = mountSync(workerData.spec);
          parentPort.postMessage('mounted');
          setInterval(() => {}, 1000);
        });`;
      const index = new URL('../../dist/index.js', import.meta.url).href;
      const worker = new Worker(source, { eval: true, workerData: { index, spec: detached } });
      await once(worker, 'message');
      const error = await errorOf(() => mount({ ...second, upper: first.upper }));
      expect(error).toMatchObject(inUse);
      expect(error.message).toContain('this process');
      await worker.terminate();
      (await mount({ ...second, upper: first.upper })).unmountSync();
    });
  });

  describe("'kernel'", () => {
    const guard = 'kernel';

    test('sees an overlay that mount(8) made in another namespace', async () => {
      const { first, second } = twoStacks();
      const data = `lowerdir=${first.lower[0]},upperdir=${first.upper},workdir=${first.work}`;
      const shell = `mount -t overlay overlay -o '${data}' '${first.target}' && echo mounted && exec sleep 1000`;
      const child = spawn(privateNamespace[0]!, [...privateNamespace.slice(1), 'sh', '-c', shell]);
      onTestFinished(() => void child.kill('SIGKILL'));
      await once(child.stdout, 'data');
      for (const form of forms) {
        for (const more of [{ upper: first.upper }, { work: first.work }]) {
          const error = await errorOf(() => form.mount({ ...second, ...more, guard }));
          expect(error).toMatchObject({
            ...inUse,
            option: Object.keys(more)[0],
            path: Object.values(more)[0],
          });
          expect(error.message).toMatch(/another mount namespace|lazily/);
        }
        await form.end(await form.mount({ ...second, guard }));
      }
      await killed(child);
      (await mount({ ...second, upper: first.upper, guard })).unmountSync();
    });

    test('sees a lazily unmounted overlay as long as a file in it is open', async () => {
      const { first, second } = twoStacks();
      const overlay = mountSync(first);
      const fd = openSync(`${first.target}/shared`, 'r');
      overlay.unmountSync({ lazy: true });
      expect(entryAt(first.target)).toBeUndefined();
      expect(await errorOf(() => mount({ ...second, upper: first.upper, guard }))).toMatchObject(inUse);
      closeSync(fd);
      (await mount({ ...second, upper: first.upper, guard })).unmountSync();
    });

    test('sees a directory that lies in the upper of another', async () => {
      const { first, second } = twoStacks();
      mkdirSync(`${first.upper}/inside`);
      await using _overlay = await mount(first);
      const upper = `${first.upper}/inside`;
      for (const how of [guard, 'quick'] as const) {
        const error = await errorOf(() => mount({ ...second, upper, guard: how }));
        expect(error).toMatchObject({ ...inUse, option: 'upper', path: upper });
        expect(error.message).toContain(JSON.stringify(first.target));
      }
    });

    test('names the mount, or the process, where the table or the lock tells it', async () => {
      const { first, second } = twoStacks();
      const overlay = await mount(first);
      const listed = await errorOf(() => mount({ ...second, upper: first.upper, guard }));
      expect(listed.message).toContain(JSON.stringify(first.target));
      await overlay.unmount();
      const { target: _target, ...detached } = first;
      await using _detached = await mount(detached);
      const locked = await errorOf(() => mount({ ...second, upper: first.upper, guard }));
      expect(locked.message).toContain('this process');
    });

    test('asks without a trace: no file, no attribute, no mount', async () => {
      const { scratch, first } = twoStacks();
      writeFileSync(`${first.upper}/file`, 'text');
      const before = tree(scratch.path);
      // The kernel refuses what comes after the question.
      await errorOf(() => mount({ ...first, lower: [...first.lower, ...first.lower], guard }));
      expect(tree(scratch.path)).toEqual(before);
      const { withoutNewMountApi } = kernels;
      const spec = JSON.stringify({ ...first, guard });
      // Without fsopen it cannot ask, and mounts on what the table says.
      const script = `import { mountSync } from 'overlayfs'; const o = mountSync(${spec}); o.unmountSync(); console.log(JSON.stringify(o.via));`;
      expect(printedJson(runFaked(withoutNewMountApi, script))).toBe('mount');
    });
  });

  test('works without listmount and statmount, from mountinfo', () => {
    const { first, second } = twoStacks();
    const specs = JSON.stringify([
      second,
      first,
      { ...second, upper: first.upper },
      { ...second, work: first.upper },
    ]);
    const script = `
      import { execFileSync } from 'node:child_process';
      import { mountSync } from 'overlayfs';
      const [free, first, second, third] = ${specs};
      mountSync(free).unmountSync();
      const codes = [];
      const attempt = (spec) => { try { mountSync(spec).unmountSync(); codes.push('ok'); } catch (error) { codes.push(error.code, error.message.includes(first.target)); } };
      execFileSync('mount', ['-t', 'overlay', 'o', '-o', 'lowerdir=' + first.lower[0] + ',upperdir=' + first.upper + ',workdir=' + first.work, first.target]);
      attempt(second); attempt(third);
      execFileSync('umount', [first.target]);
      attempt(second);
      console.log(JSON.stringify(codes));`;
    for (const rules of [
      kernels.withoutStatmount,
      ['statmount=ENOSYS'],
      ['listmount=EPERM', 'statmount=EPERM'],
    ]) {
      expect(printedJson(runFaked(rules, script))).toEqual([
        ...['ERR_OVERLAY_IN_USE', true],
        ...['ERR_OVERLAY_IN_USE', true],
        'ok',
      ]);
    }
  });

  test('copes with a table that changes all the time', async () => {
    const { scratch, first } = twoStacks();
    const busy = scratch.directory('busy');
    const stop = scratch.join('stop');
    const loop = `echo go; while [ ! -e '${stop}' ]; do mount -t tmpfs t '${busy}'; umount '${busy}'; done`;
    const churn = spawn('sh', ['-c', loop]);
    await once(churn.stdout, 'data');
    const ended = once(churn, 'exit');
    try {
      for (let round = 0; round < 30; round++) {
        for (const form of forms) await form.end(await form.mount(first));
      }
    } finally {
      writeFileSync(stop, '');
      await ended;
    }
  });

  test('sees what others mount between two mounts, in small tables and in large ones', async () => {
    const script = `
      import { execFileSync } from 'node:child_process';
      import { mkdirSync } from 'node:fs';
      import { mount, mountSync } from 'overlayfs';
      const [root, more] = JSON.parse(process.argv[1]);
      const dir = (name) => { mkdirSync(root + '/' + name, { recursive: true }); return root + '/' + name; };
      const [lower, upper, work, target] = ['lower', 'upper', 'work', 'target'].map(dir);
      for (let i = 0; i < more; i++) execFileSync('mount', ['-t', 'tmpfs', 'test', dir('many')]);
      const codes = [];
      const attempt = async (make) => {
        try { (await make()).unmountSync(); codes.push('mounted'); } catch ({ code }) { codes.push(code); }
      };
      const theirs = { upper: dir('upper2'), work: dir('work2') };
      const view = { lower: [lower, upper] };
      const writable = { lower, upper, work: dir('work3') };
      for (let round = 0; round < 3; round++) {
        for (const make of [() => mountSync(view), () => mount(view), () => mountSync(writable), () => mount(writable)]) {
          await attempt(make);
          execFileSync('mount', ['-t', 'overlay', 'overlay', '-o', 'lowerdir=' + lower + ',upperdir=' + upper + ',workdir=' + work, target]);
          await attempt(make);
          execFileSync('umount', [target]);
        }
      }
      console.log(JSON.stringify(codes));`;
    const [seen, used] = ['ERR_OVERLAY_LOWER_IN_USE', 'ERR_OVERLAY_IN_USE'];
    const round = [seen, seen, used, used].flatMap((code) => ['mounted', code]);
    for (const more of [0, 70]) {
      const args = [JSON.stringify([scratchDirectory().path, more])];
      const told = runNode(script, { args, under: privateNamespace });
      expect(printedJson(told)).toEqual([...round, ...round, ...round]);
    }
  });

  test('remembers what it has read, and forgets what is over', () => {
    const { first } = twoStacks();
    const live = new LiveUppers();
    runSync(live.refresh());
    const before = live.identities.length;
    const overlay = mountSync(first);
    runSync(live.refresh());
    expect(live.identities).toHaveLength(before + 32);
    const mine = live.identities.subarray(-32, -16);
    expect(live.uppers.find(({ identity }) => identity.equals(mine))).toMatchObject({
      option: 'upper',
      overlay: { target: Buffer.from(first.target) },
    });
    overlay.unmountSync();
    runSync(live.refresh());
    expect(live.identities).toHaveLength(before);
    expect(live.uppers.find(({ identity }) => identity.equals(mine))).toBeUndefined();
  });
});
