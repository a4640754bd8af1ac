// What the program writes is written whole, also where the descriptor takes a part at a time.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { StandardOutput } from '../../lib/cli/standard-output.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, programFile } from './run-program.ts';

function fill(fd: number): number {
  const page = Buffer.alloc(4096, '.');
  for (let written = 0; ; written += page.length) {
    try {
      writeSync(fd, page);
    } catch {
      return written;
    }
  }
}

function drain(fd: number): string {
  const room = Buffer.alloc(1 << 16);
  let text = '';
  for (;;) {
    try {
      text += room.toString('utf8', 0, readSync(fd, room));
    } catch {
      return text;
    }
  }
}

test('a pipe that is full and does not block gets all of it in the end', async () => {
  const fifo = scratchDirectory().join('fifo');
  spawnSync('mkfifo', [fifo]);
  const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    const before = fill(fd);
    expect(before).toBeGreaterThan(0);
    // By another number: node:child_process makes the first three blocking, for us too.
    const words = ['-c', 'exec "$@" >&3', 'sh', process.execPath, programFile, '--help'];
    const program = spawn('sh', words, { stdio: ['ignore', 'ignore', 'inherit', fd] });
    const end = once(program, 'exit');
    await setTimeout(500);
    let got = drain(fd);
    expect(await end).toEqual([0, null]);
    got += drain(fd);
    expect(got.slice(before)).toBe(overlayfs(['--help']).stdout);
  } finally {
    closeSync(fd);
  }
});

test('what fails is told', () => {
  const errors: string[] = [];
  // Descriptors as high as that are never open.
  const output = new StandardOutput(1e6 as 1);
  output.on('error', ({ code }) => errors.push(code!));
  output.write('a');
  expect(errors).toEqual(['EBADF']);
  expect(output.isTerminal).toBe(false);
});
