// run(): what the command sees, what reaches it, what comes back, and what has become of the directory.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type RunningCommand, type RunOptions, run } from '../../lib/index.ts';
import { openDescriptors, processesWith } from '../support/leaks.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

interface Went {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

async function outcomeOf(command: RunningCommand): Promise<Went> {
  const [out, err, end] = await Promise.all([
    text(command.stdout!),
    text(command.stderr!),
    command.finished,
  ]);
  return { code: end.exitCode, signal: end.signal, out, err };
}

const sh = (script: string, options: RunOptions = {}) => run('sh', ['-c', script], options);

privileged('the command sees the view at the directory itself, and the directory stays as it is', async () => {
  const before = openDescriptors();
  const dir = scratchDirectory().directory('dir');
  writeFileSync(join(dir, 'file'), 'old');
  {
    await using command = await sh('pwd; pwd -P; cat file; echo new >file; cat "$PWD/file"; mkdir sub; rm file', { cwd: dir });
    expect(await outcomeOf(command)).toEqual({ code: 0, signal: null, out: `${dir}\n${dir}\noldnew\n`, err: '' });
    expect(readFileSync(join(dir, 'file'), 'utf8')).toBe('old');
    expect(existsSync(join(command.path, 'sub'))).toBe(true);
    expect((await command.changes()).map(({ kind, path }) => [kind, path]).sort()).toEqual([['added', 'sub'], ['deleted', 'file']]);
  }
  expect(readdirSync(dir)).toEqual(['file']);
  expect(openDescriptors()).toEqual(before);
});
