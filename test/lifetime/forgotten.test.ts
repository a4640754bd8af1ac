// What becomes of overlays that nobody ends: collected, in a terminated worker, in a process that exits or is killed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { entryAt } from '../mount/forms.ts';
import { packageRoot } from '../support/built-package.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

/** What every script here begins with: `spec` and `target` from the command line, and a count of descriptors. */
const beginning = `
  import { readdirSync, readlinkSync } from 'node:fs';
  import { setTimeout as sleep } from 'node:timers/promises';
  import { mount, mountSync } from 'overlayfs';
  const { target, ...spec } = JSON.parse(process.argv[1]);
  // Of files and directories: Node opens pipes and devices for its own use when it likes, and a large mount table is kept.
  const isFile = (fd) => { try { return /^\\/(?!dev\\/|proc\\/\\d+\\/mountinfo$)/.test(readlinkSync('/proc/self/fd/' + fd)); } catch { return false; } };
  const descriptors = () => readdirSync('/proc/self/fd').filter(isFile).length;
  // Again and again for a moment, or until all is gone that is to go, which a busy machine may take long for.
  const collect = async (gone = () => true) => {
    for (let i = 0; i < 20 || (i < 10_000 && !gone()); i++) { globalThis.gc?.(); await sleep(5); }
  };`;

/** The text of a worker's module, as a string literal for a script: Node's --input-type holds for workers too. */
const worker = (body: string) =>
  JSON.stringify(`import { parentPort, workerData } from 'node:worker_threads';
    import { mount, mountSync } from ${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)};
    ${body}`);

const stack = (): MountSpec & { target: string } => scratchDirectory().layers();
const script = <T>(
  body: string,
  spec: MountSpec,
  execArgv = ['--expose-gc'],
): { result: T; stderr: string } => {
  const outcome = runNode(beginning + body, { args: [JSON.stringify(spec)], execArgv });
  return { result: printedJson<T>(outcome), stderr: outcome.stderr };
};

describePrivileged('a forgotten overlay', () => {
  test('that is detached closes its descriptors, and warns once', () => {
    const body = `
      await sleep(1); mountSync(spec).unmountSync();
      const before = descriptors();
      for (const make of [mountSync, mount]) { for (let i = 0; i < 3; i++) { await make(spec); await collect(() => descriptors() <= before); } }
      console.log(descriptors() - before);`;
    const { result, stderr } = script<number>(body, stack());
    expect(result).toBe(0);
    expect(stderr.match(/OVERLAYFS_FORGOTTEN/g)).toHaveLength(1);
    expect(stderr).toMatch(/garbage-collected without unmount/);
  });

  test('warns nobody in production', () => {
    const body = `
      process.env.NODE_ENV = 'production';
      mountSync(spec); await collect();
      console.log(JSON.stringify(typeof gc));`;
    expect(script(body, stack()).stderr).not.toContain('OVERLAYFS_FORGOTTEN');
  });

  test('gives its upper back', () => {
    const body = `
      mountSync(spec).unmountSync();
      const before = descriptors();
      mountSync(spec); await collect(() => descriptors() <= before);
      mountSync(spec).unmountSync();
      console.log(1);`;
    expect(script(body, stack()).result).toBe(1);
  });

  test('is not collected as long as it is held, and nobody is warned of what was ended', () => {
    const body = `
      const held = mountSync(spec);
      (() => { mountSync({ lower: spec.lower }).unmountSync(); })();
      await collect();
      console.log(JSON.stringify(readdirSync(held.path).includes('shared')));
      held.unmountSync();`;
    expect(script(body, stack())).toMatchObject({
      result: true,
      stderr: expect.not.stringContaining('FORGOTTEN'),
    });
  });

  test('that is attached stays mounted, guarded, and is ended by its path', () => {
    const spec = stack();
    const body = `
      const { listSync, unmountSync } = await import('overlayfs');
      const before = descriptors();
      mountSync({ ...spec, target });
      await collect();
      const said = [listSync().some((entry) => entry.target === target)];
      try { mountSync(spec); } catch ({ code }) { said.push(code); }
      unmountSync(target);
      said.push(descriptors() - before);
      console.log(JSON.stringify(said));`;
    const { result, stderr } = script(body, spec);
    expect(result).toEqual([true, 'ERR_OVERLAY_IN_USE', 0]);
    expect(stderr).not.toContain('FORGOTTEN');
    expect(entryAt(spec.target)).toBeUndefined();
  });

  test('that was attached later stays too', () => {
    const spec = stack();
    const body = `
      const { listSync, unmountSync } = await import('overlayfs');
      (() => { mountSync(spec).attachSync(target); })();
      await collect();
      console.log(JSON.stringify([listSync().some((entry) => entry.target === target)]));
      unmountSync(target);`;
    const { result, stderr } = script(body, spec);
    expect(result).toEqual([true]);
    expect(stderr).not.toContain('FORGOTTEN');
  });
});

describePrivileged('the end of a thread or process', () => {
  test.each([
    ['detached', '{ ...workerData }'],
    ['a view', '{ lower: workerData.lower }'],
  ])('a terminated worker leaves no descriptor: %s', (_, given) => {
    const body = `
      const { Worker } = await import('node:worker_threads');
      const { once } = await import('node:events');
      const source = ${worker(`
        globalThis.kept = Array.from({ length: 3 }, () => mountSync({ ...${given}, shareUpper: true }));
        parentPort.postMessage(kept.length);
        setInterval(() => {}, 1000);`)};
      const round = async () => {
        const worker = new Worker(source, { eval: true, workerData: spec });
        const [count] = await once(worker, 'message');
        await worker.terminate();
        return count;
      };
      const counts = [await round()];
      const before = descriptors();
      counts.push(await round(), await round());
      console.log(JSON.stringify([counts, descriptors() - before]));`;
    expect(script(body, stack()).result).toEqual([[3, 3, 3], 0]);
  });

  test('a worker that ends in the middle of promise mounts leaves nothing', () => {
    const body = `
      const { Worker } = await import('node:worker_threads');
      const { once } = await import('node:events');
      const source = ${worker(`
        for (let i = 0; i < 40; i++) mount({ lower: workerData.lower });
        parentPort.postMessage(1);`)};
      const round = async () => {
        const worker = new Worker(source, { eval: true, workerData: spec });
        await once(worker, 'message');
        await worker.terminate();
      };
      await round();
      const before = descriptors();
      for (let i = 0; i < 3; i++) await round();
      console.log(JSON.stringify(descriptors() - before));`;
    expect(script(body, stack()).result).toBe(0);
  });

  test.each(['process.exit(0)', "process.kill(process.pid, 'SIGKILL')", 'process.abort()'])(
    '%s: a detached overlay is gone, its upper free',
    (end) => {
      const { target: _target, ...spec } = stack();
      runNode(`${beginning} globalThis.overlay = mountSync(spec); ${end};`, { args: [JSON.stringify(spec)] });
      // Unlocked and out of use, which the kernel itself confirms.
      mountSync({ ...spec, guard: 'kernel' }).unmountSync();
    },
  );

  test('an attached overlay outlives its process, like that of mount(8)', () => {
    const spec = stack();
    runNode(`${beginning} mountSync({ ...spec, target });`, { args: [JSON.stringify(spec)] });
    expect(entryAt(spec.target)).toMatchObject({ upper: spec.upper });
  });

  test('descriptors are not inherited by child processes', async () => {
    const { target: _target, ...spec } = stack();
    const overlay = mountSync(spec);
    const view = mountSync({ lower: spec.lower });
    expect(overlay.fd).toBeGreaterThan(2);
    const child = spawn(process.execPath, ['-e', 'console.log("go"); setInterval(() => {}, 1000)'], {
      cwd: packageRoot,
    });
    await once(createInterface({ input: child.stdout }), 'line');
    const open = readdirSync(`/proc/${child.pid}/fd`).map((fd) =>
      readlinkSync(`/proc/${child.pid}/fd/${fd}`),
    );
    // A mount that is attached nowhere is shown as "/".
    expect(
      open.filter(
        (target) => target === '/' || target.includes('overlayfs') || target.startsWith(String(spec.upper)),
      ),
    ).toEqual([]);
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    overlay.unmountSync();
    view.unmountSync();
  });
});

describe('loading', () => {
  test('the package twice, in workers, and in a vm context', () => {
    const body = `
      const { Worker } = await import('node:worker_threads');
      const { once } = await import('node:events');
      const vm = await import('node:vm');
      const url = import.meta.resolve('overlayfs');
      const [one, two] = [await import(url), await import(url + '?again')];
      const codeOf = (load) => { try { load.mountSync({ lower: [] }); } catch (error) { return [error.code, error.name, error instanceof one.OverlayError]; } };
      const said = [codeOf(one), codeOf(two)];
      const context = vm.createContext({ mountSync: one.mountSync, Array, URL, Uint8Array });
      // Arrays, objects and bytes of another realm are as good as ours.
      said.push(vm.runInContext("try { mountSync({ lower: ['/nowhere'], options: { indx: true } }) } catch (error) { [error.code, error.option, 'message' in error] }", context));
      const source = ${worker(`
        try { mountSync({}); } catch (error) { parentPort.postMessage([error.code]); }`)};
      for (let i = 0; i < 3; i++) {
        const worker = new Worker(source, { eval: true, workerData: url });
        said.push((await once(worker, 'message'))[0]);
        await worker.terminate();
      }
      console.log(JSON.stringify(said));`;
    const { result } = script<unknown[]>(body, { lower: '/' }, []);
    expect(result).toEqual([
      ['ERR_OVERLAY_NO_LOWER', 'OverlayError', true],
      ['ERR_OVERLAY_NO_LOWER', 'OverlayError', expect.any(Boolean)],
      ['ERR_OVERLAY_UNKNOWN_OPTION', 'indx', true],
      ...[1, 2, 3].map(() => ['ERR_OVERLAY_NO_LOWER']),
    ]);
  });
});
