// Mounts and unmounts by spawning mount(8) and umount(8), in a process of its own that is asked by messages.
//
// Not in the process that measures the package: a fork makes every page of its heap fault once more, which the rounds
// after it would pay for.
import { spawnSync } from 'node:child_process';

function call(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command}: ${error?.message ?? stderr.trim()}`);
}

process.on('message', ({ options, target }) => {
  try {
    const start = process.hrtime.bigint();
    call('mount', ['-t', 'overlay', 'overlay', '-o', options, target]);
    call('umount', [target]);
    process.send({ took: Number(process.hrtime.bigint() - start) });
  } catch (error) {
    process.send({ complaint: error.message });
  }
});
