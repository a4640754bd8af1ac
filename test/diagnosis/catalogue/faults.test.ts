// Failures that no rule knows, injected into every call of the chain: nothing false is claimed, nothing stays mounted.
import { expect } from 'vitest';
import { runFaked } from '../../support/fake-errno.ts';
import { mountsBelow } from '../../support/mounts.ts';
import { printedJson } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { scratchDirectory } from '../../support/scratch.ts';

const errnos = 'EIO ENOMEM EMFILE EINVAL EPERM EBUSY ENOSPC ESTALE ELOOP EACCES EOPNOTSUPP'.split(' ');
const calls = {
  fsopen: ['fsopen', 'fsopen:overlay'],
  fsopenSource: ['fsopen', 'fsconfig:source'],
  fsopenLower: ['fsopen', 'fsconfig:lowerdir+'],
  // FSCONFIG_CMD_CREATE is 6, FSCONFIG_SET_FD 5.
  create: ['fsopen', 'fsconfig@1:6'],
  setFd: ['fsopen', 'fsconfig@1:5'],
  fsmount: ['fsopen', 'fsmount'],
  moveMount: ['fsopen', 'move_mount'],
  mount: ['mount', 'mount:overlay'],
} as const;

const ANSWERS = ['ERR_OVERLAY_UNEXPLAINED', 'ERR_OVERLAY_NO_WAY'];
// Another way to hand over the layers is open then.
const PASSABLE = ['fsopenLower', 'setFd'];

const script = `
  import { mountSync } from 'overlayfs';
  const { spec } = JSON.parse(process.argv[1]);
  try { mountSync(spec).unmountSync(); console.log(JSON.stringify({ code: 'mounted' })); }
  catch ({ code, message, syscall, hint }) { console.log(JSON.stringify({ code, message, syscall, hint })); }`;

for (const [name, [via, call]] of Object.entries(calls)) {
  privileged(
    `${name}: every errno`,
    () => {
      const scratch = scratchDirectory();
      const spec = { ...scratch.layers({ lower: 2 }), via };
      const wrong: unknown[] = [];
      for (const errno of errnos) {
        const outcome = runFaked([`${call}=${errno}`], script, { args: [JSON.stringify({ spec })] });
        const error = printedJson<{ code: string; message: string; syscall?: string; hint: string }>(outcome);
        const listed =
          error.code !== 'ERR_OVERLAY_UNEXPLAINED' || /Looked at and found in order/.test(error.message);
        if (error.code === 'mounted' && PASSABLE.includes(name)) continue;
        if (!ANSWERS.includes(error.code) || !listed) wrong.push([errno, error]);
      }
      expect(wrong).toEqual([]);
      expect(mountsBelow(scratch.path)).toEqual([]);
    },
    60_000,
  );
}
