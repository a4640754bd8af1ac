// The C baseline as a contender: compiled once, then one living process a row.
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('baseline/overlay_rounds.c', import.meta.url));

const living = new Set();
let interrupted = false;

// Ends every baseline at once, so that the round that waits for one fails and the run unwinds.
export function interruptBaselines() {
  interrupted = true;
  for (const child of living) child.kill('SIGKILL');
}

// Compiles the baseline into `directory` and gives the program's path.
export function compileBaseline(directory) {
  const program = join(directory, 'overlay_rounds');
  // g++ would do for the rare machine that has no cc, but it must be told that this is C.
  const compilers = [['cc'], ['gcc'], ['g++', '-x', 'c']];
  const failures = [];
  for (const [command, ...first] of compilers) {
    const { status, error, stderr } = spawnSync(command, [...first, '-O2', '-o', program, source], {
      encoding: 'utf8',
    });
    if (status === 0) return program;
    failures.push(`${command}: ${error?.message ?? stderr.trim()}`);
  }
  throw new Error(`no C compiler could build the baseline:\n${failures.join('\n')}`);
}

// Starts the baseline for one row; `run(rounds)` gives nanoseconds a round.
export function startBaseline(program, form, { writable, attached, lowers }, root) {
  if (interrupted) throw new Error('interrupted');
  const child = spawn(
    program,
    [form, writable ? 'writable' : 'readonly', attached ? 'attached' : 'detached', String(lowers), root],
    { stdio: ['pipe', 'pipe', 'pipe'] },
  );
  living.add(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  let complaint = '';
  child.stderr.setEncoding('utf8').on('data', (text) => {
    complaint += text;
  });
  child.stdin.on('error', () => {}); // the missing answer line tells it better
  const ended = new Promise((resolve) => child.once('close', resolve));
  ended.then(() => living.delete(child));
  return {
    async run(rounds) {
      child.stdin.write(`${rounds}\n`);
      const { value, done } = await lines.next();
      if (!done) return value.split(' ').map(Number);
      await ended;
      throw new Error(`C baseline (${form}) stopped: ${interrupted ? 'interrupted' : complaint.trim()}`);
    },
    async stop() {
      child.stdin.end();
      await ended;
    },
  };
}
