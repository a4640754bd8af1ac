// Which directories are in use: the kernel's own answer.
import { closeSync, mkdirSync, openSync, readdirSync } from 'node:fs';
import { expect, onTestFinished, test } from 'vitest';
import { firstInUse, kernelSaysInUse } from '../../lib/diagnosis/in-use.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { openDescriptors } from '../support/leaks.ts';
import { printedJson } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

describePrivileged('the kernel', () => {
  const ask = (path: string) => {
    const fd = openSync(path, 'r');
    try {
      return runSync(kernelSaysInUse(fd));
    } finally {
      closeSync(fd);
    }
  };

  test('tells an upper and a work in use from free ones, and nothing is left of the question', () => {
    const spec = scratchDirectory().layers();
    const before = openDescriptors();
    const overlay = mountSync(spec);
    expect([spec.upper, spec.work, spec.lower[0]!, spec.target].map(ask)).toEqual([
      true,
      true,
      false,
      undefined,
    ]);
    overlay.unmountSync();
    expect([spec.upper, spec.work].map(ask)).toEqual([false, false]);
    expect(openDescriptors()).toEqual(before);
    expect(readdirSync(spec.upper)).toEqual([]);
  });

  /** What is used, and whose directory it was found by. */
  const firstOf = (...paths: string[]) => {
    const used = runSync(firstInUse(paths.map((absolute, index) => ({ option: 'lower', index, absolute }))));
    return used && [used.path.toString(), used.itself, used.directory.index];
  };

  test('finds the nearest of the directories above', async () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    const deep = scratch.directory(`upper/${'a/'.repeat(20)}b`);
    const before = openDescriptors();
    const overlay = mountSync(spec);
    expect((await runAsync(firstInUse([{ option: 'lower', absolute: deep }])))?.path.toString()).toBe(
      spec.upper,
    );
    expect(firstOf(spec.work)).toEqual([spec.work, true, 0]);
    mkdirSync(`${spec.lower[0]}/inner`);
    expect(firstOf(`${spec.lower[0]}/inner`)).toBeUndefined();
    overlay.unmountSync();
    expect(firstOf(deep)).toBeUndefined();
    expect(openDescriptors()).toEqual(before);
  });

  test('finds the first of many, also among what is no lower, twice there, or missing', () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    const free = Array.from({ length: 30 }, (_, i) => scratch.directory(`free${i}`));
    const overlay = mountSync(spec);
    onTestFinished(() => overlay.unmountSync());
    const before = openDescriptors();
    const odd = ['/proc/sys', free[3]!, `${scratch.path}/nope`, scratch.path];
    expect(firstOf(...free, ...odd)).toBeUndefined();
    expect(firstOf(...free, ...odd, spec.work, spec.upper)).toEqual([spec.work, true, 34]);
    expect(firstOf(spec.upper, ...free)).toEqual([spec.upper, true, 0]);
    expect(firstOf()).toBeUndefined();
    expect(openDescriptors()).toEqual(before);
  });

  test('says so where the one in use lies above the mount', () => {
    const scratch = scratchDirectory();
    const spec = scratch.layers();
    const inner = scratch.directory('upper/a/b');
    const overlay = mountSync(spec);
    onTestFinished(() => overlay.unmountSync());
    const bound = scratch.directory('bound');
    run('mount', '--bind', scratch.join('upper/a'), bound);
    expect(firstOf(`${bound}/b`)).toEqual([bound, false, 0]);
    expect(firstOf(inner)).toEqual([spec.upper, true, 0]);
  });

  test('is asked in another way where layers are not taken as descriptors', () => {
    const scratch = scratchDirectory();
    const { target, ...spec } = scratch.layers({ lower: 3 });
    const deep = scratch.directory('upper/a/b');
    const script = `
      import { mountSync } from 'overlayfs';
      const [spec, specs] = JSON.parse(process.argv[1]);
      const overlay = mountSync({ ...spec, target: ${JSON.stringify(target)} });
      const said = [];
      for (const other of specs) {
        try { mountSync({ ...other, guard: 'kernel', shareUpper: true }).unmountSync(); said.push('mounted'); }
        catch ({ code, option, index }) { said.push([code, option, index]); }
      }
      overlay.unmountSync();
      console.log(JSON.stringify(said));`;
    const others = [
      { lower: [spec.lower[0], deep] },
      { lower: [spec.lower[0], spec.lower[2]] },
      { lower: [spec.work, spec.lower[1]] },
    ];
    const outcome = runFaked(kernels.withoutLayerDescriptors, script, {
      args: [JSON.stringify([spec, others])],
    });
    expect(printedJson(outcome)).toEqual([
      ['ERR_OVERLAY_LOWER_IN_USE', 'lower', 1],
      'mounted',
      ['ERR_OVERLAY_LOWER_IN_USE', 'lower', 0],
    ]);
  });
});
