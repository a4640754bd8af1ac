// Mounting and its diagnosis in bad places: layers that change under it, a filesystem that hangs, thousands of mounts, no /proc.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import type { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import { MOUNT_PATIENCE } from '../../lib/diagnosis/silent-places.ts';
import { explain, explainSync } from '../../lib/mount/explain.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { scratch as fork } from '../../lib/mount/scratch.ts';
import { errorOf, forms } from '../mount/forms.ts';
import { run } from '../support/command.ts';
import { fakeErrnoProgram } from '../support/fake-errno.ts';
import { bindfsMount, tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsBelow } from '../support/mounts.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { serverOf, stop, whileStopped } from '../support/stopped-server.ts';

privileged('a lower that vanishes, comes back, and becomes a file all the time', async () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers({ lower: 2, upper: false, work: false });
  const path = scratch.join('unsteady');
  const steps = [
    () => mkdirSync(path),
    () => renameSync(path, `${path}-away`),
    () => writeFileSync(path, ''),
    () => rmSync(path),
    () => rmdirSync(`${path}-away`),
  ];
  const said = new Set<string>();
  let turn = 0;
  let running = true;
  const change = (async () => {
    while (running || turn % steps.length !== 0) {
      steps[turn++ % steps.length]!();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  // The last lower lies on procfs, so that every attempt fails and is looked at.
  const spec = { lower: [...lower, path, '/proc/sys'], target };
  for (let i = 0; i < 30; i++) {
    for (const form of forms) said.add((await errorOf(() => form.mount(spec))).code);
    for (const { code } of await explain(spec)) said.add(code);
  }
  running = false;
  await change;
  // Each was so at some moment: missing, a file, removed while it was looked at, or only procfs wrong; or two looks differed.
  const possible = ['NOT_FOUND', 'NOT_DIRECTORY', 'LAYER_REMOVED', 'PROC_LAYER', 'UNEXPLAINED'];
  expect([...said].filter((code) => !possible.includes(code.replace('ERR_OVERLAY_', '')))).toEqual([]);
  expect(mountsBelow(scratch.path)).toEqual([]);
});

privileged('layers that another process makes, moves, replaces and removes without a pause', async () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers({ lower: 2 });
  const path = scratch.join('unsteady');
  const loop =
    'while :; do mkdir $P; mv $P $P-away; : > $P; rm $P; ln -s $P-away $P; rm $P; ln -s nowhere $P; rm $P; ' +
    'mkdir $P; rmdir $P; rmdir $P-away; done 2>/dev/null';
  const busy = spawn('sh', ['-c', loop], { env: { ...process.env, P: path }, stdio: 'ignore' });
  const before = openDescriptors().length;
  const said = new Set<string>();
  let longest = 0;
  try {
    for (let i = 0; i < 8; i++) {
      for (const spec of [
        { lower: [lower[0]!, path, '/proc/sys'], target },
        { lower: lower, upper: path, work, target },
        { lower: [lower[0]!, `${path}/../unsteady`, lower[1]!, lower[1]!], upper, work, target },
      ]) {
        const start = performance.now();
        for (const form of forms) {
          try {
            await form.end(await form.mount(spec), { lazy: true });
          } catch (error) {
            said.add((error as OverlayError).code);
          }
        }
        for (const { code } of await explain(spec)) said.add(code);
        longest = Math.max(longest, performance.now() - start);
      }
    }
  } finally {
    const ended = once(busy, 'exit');
    busy.kill('SIGKILL');
    await ended;
  }
  // Each was so at some moment, or two looks differed.
  const possible =
    'NOT_FOUND NOT_DIRECTORY DANGLING_SYMLINK LAYER_REMOVED PROC_LAYER LAYER_TWICE UNEXPLAINED';
  expect([...said].filter((code) => !possible.includes(code.replace('ERR_OVERLAY_', '')))).toEqual([]);
  expect(longest).toBeLessThan(60_000);
  expect(openDescriptors().length).toBe(before);
  expect(mountsBelow(target)).toEqual([]);
});

const NO_ANSWER = 'ERR_OVERLAY_NO_ANSWER';

for (const behind of [false, true]) {
  const which = behind ? 'waits for another server that has stopped' : 'has stopped';
  privileged(
    `a FUSE filesystem whose server ${which}: the diagnosis ends, and says what it could not look at`,
    async () => {
      const scratch = scratchDirectory();
      const layers = scratch.layers({ lower: 1 });
      await whileStopped(scratch, behind, async (path) => {
        const before = openDescriptors().length;
        const lower = [layers.lower[0]!, `${path}/in`];
        const start = performance.now();
        for (const found of [explainSync({ ...layers, lower }), await explain({ ...layers, lower })]) {
          expect(found).toMatchObject([{ code: NO_ANSWER, option: 'lower', index: 1, path: `${path}/in` }]);
          expect(found[0]!.sentence).toContain('fuse');
        }
        for (const option of ['upper', 'work', 'target'] as const) {
          const found = await explain({ ...layers, [option]: `${path}/in` });
          expect(found.map(({ code, option }) => [code, option])).toContainEqual([NO_ANSWER, option]);
        }
        // Something else is wrong, which is met before the place is.
        const missing = { ...layers, lower: [layers.lower[0]!, scratch.join('nope')], target: `${path}/in` };
        // mount(2) would look at the target first, and wait.
        for (const form of forms) {
          const { code, findings } = await errorOf(() => form.mount({ ...missing, via: 'fsopen' }));
          expect(code).toBe('ERR_OVERLAY_NOT_FOUND');
          expect(findings.slice(1).map(({ code, option }) => [code, option])).toEqual([
            [NO_ANSWER, 'target'],
          ]);
        }
        expect(performance.now() - start).toBeLessThan(60_000);
        expect(openDescriptors().length).toBe(before);
      });
      expect(await explain({ ...layers, lower: [layers.lower[0]!, `${scratch.path}/behind/in`] })).toEqual(
        [],
      );
    },
  );
}

privileged('many layers where nobody answers are not waited for one by one', async () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers({ lower: 1 });
  await whileStopped(scratch, false, async (path) => {
    const many = Array.from({ length: 100 }, (_, i) => `${path}/${i}`);
    const start = performance.now();
    const found = explainSync({ lower: [lower[0]!, ...many], target });
    // One by one it would be 50 seconds.
    expect(performance.now() - start).toBeLessThan(25_000);
    expect(found).toHaveLength(100);
    expect(found[0]!.sentence).toContain('did not answer within');
    expect(found[1]!.sentence).toContain('was not waited for');
  });
});

privileged('a lower on a FUSE filesystem whose server has died', async () => {
  const scratch = scratchDirectory();
  const { path } = bindfsMount(scratch.directory('behind', 'in').replace(/\/in$/, ''), { scratch });
  const layers = scratch.layers({ lower: 1 });
  process.kill(serverOf(path), 'SIGKILL');
  // What is asked while it dies is answered in another way.
  await expect.poll(() => codeOf(() => statSync(`${path}/in`))).toBe('ENOTCONN');
  const spec = { ...layers, lower: [layers.lower[0]!, `${path}/in`] };
  for (const form of forms) {
    const error = await errorOf(() => form.mount(spec));
    expect(error).toMatchObject({ option: 'lower', index: 1 });
    expect(error.message).toContain('ENOTCONN');
  }
  expect(mountsBelow(`${scratch.path}/target`)).toEqual([]);
});

function codeOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
}

const placesOf = ({ findings }: OverlayError) =>
  findings.map(({ code, option, index }) => [code, option, index].filter((part) => part !== undefined));

/** The children of this process that have ended and that nobody has asked for. */
function zombies(): string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      const [, state, parent] =
        /^\d+ \(.*\) (.) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
      return state === 'Z' && Number(parent) === process.pid;
    } catch {
      return false;
    }
  });
}

privileged(
  'mount, attach and scratch end where nobody answers, and say where; the children that waited are reaped',
  async () => {
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers({ lower: 1, upper: false, work: false });
    const [top] = lower as [string];
    const detached = mountSync({ lower: top });
    onTestFinished(() => detached.unmountSync());
    const { before, dead } = { before: openDescriptors().length, dead: zombies() };
    await whileStopped(scratch, true, async (path) => {
      const hung = `${path}/in`;
      const start = performance.now();
      const everywhere = { lower: [top, hung], upper: hung, work: `${path}/w`, target: path, mkdir: true };
      const said = await Promise.all([
        errorOf(() => mount(everywhere)),
        errorOf(() => mount({ lower: top, target: hung, via: 'mount' })),
        errorOf(() => detached.attach(hung)),
        errorOf(() => fork([hung, top])),
      ]);
      expect(said.map(placesOf)).toEqual([
        [
          [NO_ANSWER, 'lower', 1],
          [NO_ANSWER, 'upper'],
          [NO_ANSWER, 'work'],
          [NO_ANSWER, 'target'],
        ],
        [[NO_ANSWER, 'target']],
        [[NO_ANSWER, 'target']],
        [[NO_ANSWER, 'lower', 0]],
      ]);
      expect(said[0]!.message).toContain('did not answer within 3000 ms');
      expect(placesOf(await errorOf(() => mountSync({ lower: [top, hung], target })))).toEqual([
        [NO_ANSWER, 'lower', 1],
      ]);
      expect(performance.now() - start).toBeLessThan(60_000);
      expect(openDescriptors().length).toBe(before);
    });
    await expect.poll(zombies).toEqual(dead);
    expect(mountsBelow(`${scratch.path}/target`)).toEqual([]);
  },
);

privileged('what is served and answers is mounted', () => {
  const scratch = scratchDirectory();
  const { path } = bindfsMount(scratch.directory('behind', 'in').replace(/\/in$/, ''), { scratch });
  const { lower, target } = scratch.layers({ lower: 1, upper: false, work: false });
  mountSync({ lower: [`${path}/in`, lower[0]!], target }).unmountSync();
  mountSync({ lower: lower[0]!, target: `${path}/in` }).unmountSync();
});

privileged(
  "somebody else's overlay whose upper has come to lie where nobody answers keeps nobody waiting",
  async () => {
    const scratch = scratchDirectory();
    const other = { lower: scratch.directory('l'), target: scratch.directory('m') };
    const [upper, work] = [scratch.directory('behind', 'u'), scratch.directory('behind', 'w')];
    // In words that this process keeps no handle of.
    run(
      'mount',
      '-t',
      'overlay',
      'x',
      '-o',
      `lowerdir=${other.lower},upperdir=${upper},workdir=${work}`,
      other.target,
    );
    const over = scratch.join('behind');
    run('mount', '-t', 'fuse.bindfs', '-o', 'nonempty', scratch.directory('elsewhere'), over);
    const server = serverOf(over);
    expect(server).toBeGreaterThan(1);
    await stop(server);
    try {
      // In memory, since the end of an overlay waits until all of its filesystem is on the disk.
      using memory = tmpfsMount();
      const [lower, upper, work] = ['l', 'u', 'w'].map((name) => {
        mkdirSync(`${memory.path}/${name}`);
        return `${memory.path}/${name}`;
      });
      const spec = { lower: [lower!, scratch.directory('more')], upper: upper!, work: work! };
      const start = performance.now();
      mountSync({ ...spec, target: scratch.directory('t') }).unmountSync();
      await (await mount(spec)).unmount();
      expect(performance.now() - start).toBeLessThan(2 * MOUNT_PATIENCE);
    } finally {
      process.kill(server, 'SIGCONT');
    }
  },
);

const failing = `
  import { explainSync, mount, mountSync } from 'overlayfs';
  const [root] = JSON.parse(process.argv[1]);
  const base = { lower: [root + '/lower0', root + '/lower1'], upper: root + '/upper', work: root + '/work', target: root + '/target' };
  const twice = { ...base, lower: [base.lower[0], base.lower[1], base.lower[0]] };
  const gone = { ...base, lower: [base.lower[0], root + '/nope'] };
  const said = [];
  for (const spec of [gone, twice]) {
    for (const form of [mount, mountSync]) {
      for (const via of ['fsopen', 'mount']) {
        try { const o = await form({ ...spec, via }); o.unmountSync(); said.push('mounted'); }
        catch (error) { said.push([error.code, error.option, error.index].join(' ')); }
      }
    }
    const [first] = explainSync(spec);
    said.push([first?.code, first?.option, first?.index].join(' '));
  }
  console.log(JSON.stringify([...new Set(said)]));`;

const EXPECTED = ['ERR_OVERLAY_NOT_FOUND lower 1', 'ERR_OVERLAY_LAYER_TWICE lower 2'];

/** Runs what follows after a shell command in a mount namespace of its own. */
function after(command: string, directory: string): string[] {
  const shell = `${command}; exec "$0" "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'env', `D=${directory}`, 'sh', '-ec', shell];
}

/** What the script says then. */
function saidAfter(command: string): string[] {
  const scratch = scratchDirectory();
  scratch.layers({ lower: 2 });
  const { path } = scratch;
  return printedJson(runNode(failing, { under: after(command, path), args: [JSON.stringify([path])] }));
}

privileged('thousands of mounts in the namespace', () => {
  // Doubling: what is bound recursively brings its own mounts along.
  const many =
    'mkdir $D/many; mount -t tmpfs x $D/many; mkdir $D/many/a $D/many/b; for i in $(seq 11); do ' +
    'mkdir -p $D/many/$i; mount --rbind $D/many $D/many/$i; done; [ $(wc -l < /proc/self/mountinfo) -gt 2000 ]';
  expect(saidAfter(many)).toEqual(EXPECTED);
});

privileged('no /proc', () => {
  expect(saidAfter('mount -t tmpfs hidden /proc')).toEqual(EXPECTED);
});

privileged('without /proc, what is not explained says what could not be looked at', () => {
  const scratch = scratchDirectory();
  const spec = scratch.layers({ lower: 2 });
  const script = `
    import { mountSync } from 'overlayfs';
    try { mountSync(JSON.parse(process.argv[1])); } catch ({ code, message }) { console.log(JSON.stringify({ code, message })); }`;
  const said = (command: string) => {
    const under = [...after(command, scratch.path), fakeErrnoProgram(), 'fsmount=EIO', '--'];
    return printedJson<{ code: string; message: string }>(
      runNode(script, { under, args: [JSON.stringify(spec)] }),
    );
  };
  const hidden = said('mount -t tmpfs hidden /proc');
  expect(hidden.code).toBe('ERR_OVERLAY_UNEXPLAINED');
  expect(hidden.message).toContain('Could not be looked at: the mount table (/proc/self/mountinfo), the cap');
  expect(said('true').message).not.toContain('Could not be');
});

privileged('without /proc overlays are mounted and ended by path, and what needs it says so', () => {
  const scratch = scratchDirectory();
  const { lower, upper, target } = scratch.layers();
  const script = `
    import { mount, run, unmount } from 'overlayfs';
    import { isOpaque } from 'overlayfs/layer';
    const [lower, upper, target] = process.argv.slice(1);
    const codes = [];
    const code = (promise) => promise.then(() => 'done', ({ code }) => code);
    codes.push(await code(mount({ lower, upper, target }).then((overlay) => overlay.unmount())));
    codes.push(await code(mount({ lower, upper, target }).then(() => unmount(target))));
    codes.push(await code(run('true', [], { at: lower })));
    codes.push(await code(isOpaque(upper)));
    console.log(JSON.stringify(codes));`;
  const args = [lower[0]!, upper, target];
  const codes = printedJson<string[]>(
    runNode(script, { under: after('mount -t tmpfs hidden /proc', scratch.path), args }),
  );
  expect(codes).toEqual(['done', 'done', 'ERR_OVERLAY_NO_PROC', 'ERR_OVERLAY_NO_PROC']);
  expect(readdirSync(scratch.path).filter((name) => name.startsWith('.overlayfs'))).toEqual([]);
});

privileged('a chroot without /proc', () => {
  // Bound alone, / has nothing mounted in it.
  const chroot =
    'mkdir $D/root; mount --bind / $D/root; here=$PWD; ' +
    `exec chroot $D/root sh -c 'cd "$0" && exec "$@"' "$here" "$0" "$@"`;
  expect(saidAfter(chroot)).toEqual(EXPECTED);
});

privileged('root without the right to read the kernel log', () => {
  const scratch = scratchDirectory();
  const spec = scratch.layers({ lower: 2 });
  const gone = { ...spec, lower: [...spec.lower, scratch.join('nope')] };
  const script = `
    import { mountSync } from 'overlayfs';
    for (const spec of JSON.parse(process.argv[1])) {
      try { mountSync(spec); } catch ({ code, message }) { console.log(JSON.stringify([code, message])); }
    }`;
  const under = [
    'setpriv',
    '--bounding-set=-syslog',
    '--inh-caps=-syslog',
    fakeErrnoProgram(),
    'fsconfig@1:6=EIO',
    '--',
  ];
  const { stdout } = runNode(script, { under, args: [JSON.stringify([gone, spec])] });
  const [first, second] = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as [string, string]);
  expect(first![0]).toBe('ERR_OVERLAY_NOT_FOUND');
  expect(second![0]).toBe('ERR_OVERLAY_UNEXPLAINED');
  expect(second![1]).toContain('Could not be looked at: the kernel log (/dev/kmsg: EPERM)');
});
