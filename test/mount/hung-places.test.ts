// Mounting where nobody answers: it ends, names the place, and goes on where only somebody else's overlay hangs.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import type { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import { scratch as fork } from '../../lib/mount/scratch.ts';
import { run } from '../support/command.ts';
import { bindfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { serverOf, whileStopped } from '../support/stopped-server.ts';
import { errorOf } from './forms.ts';

const NO_ANSWER = 'ERR_OVERLAY_NO_ANSWER';
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
      expect(performance.now() - start).toBeLessThan(15_000);
      expect(openDescriptors().length).toBe(before);
    });
    for (let i = 0; i < 100 && zombies().length > dead.length; i++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(zombies()).toEqual(dead);
    expect(mountsBelow(`${scratch.path}/target`)).toEqual([]);
  },
  60_000,
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
    process.kill(server, 'SIGSTOP');
    try {
      const start = performance.now();
      const spec = scratch.layers({ lower: 2 });
      mountSync(spec).unmountSync();
      await (await mount(spec)).unmount();
      expect(performance.now() - start).toBeLessThan(1000);
    } finally {
      process.kill(server, 'SIGCONT');
    }
  },
);
