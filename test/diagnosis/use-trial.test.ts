// The trials by themselves: what each of them answers about upper, work, what lies in them, and what cannot be tried.
import { closeSync, openSync, readdirSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import { anyInUse, asksHonestly, markOnce, patiently } from '../../lib/diagnosis/use-trial.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

privileged('one overlay of all tells whether any is used; marks tell of one exactly', async () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers();
  const [inner, free] = [scratch.directory('upper/a/b'), scratch.directory('free')];
  const paths = { lower: lower[0]!, upper, work, inner, free, proc: '/proc/sys' };
  const overlay = mountSync({ lower, upper, work, target });
  const fds = Object.values(paths).map((path) => openSync(path, 'r'));
  onTestFinished(() => {
    for (const fd of fds) closeSync(fd);
    overlay.unmountSync();
  });
  const [lowerFd, upperFd, workFd, innerFd, freeFd, procFd] = fds;
  const any = (...some: (number | undefined)[]) => runSync(anyInUse(some as number[]));
  expect([any(), any(lowerFd), any(lowerFd, freeFd)]).toEqual([false, false, false]);
  expect([any(upperFd), any(workFd), any(freeFd, innerFd)]).toEqual([true, true, true]);
  expect(await runAsync(anyInUse([freeFd!, upperFd!]))).toBe(true);
  // No lower, and one that is there twice.
  expect([any(freeFd, procFd), any(freeFd, freeFd)]).toEqual([undefined, undefined]);
  const marked = [upperFd, workFd, innerFd, freeFd].map((fd) => runSync(markOnce(fd!)));
  expect(marked).toEqual([true, true, false, false]);
  expect(await runAsync(patiently(() => markOnce(freeFd!)))).toBe(false);
  expect(runSync(asksHonestly())).toBe(true);
  expect(readdirSync(paths.free)).toEqual([]);
});
