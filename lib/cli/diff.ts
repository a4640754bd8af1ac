// overlayfs diff: what the upper of an overlay changes about its lowers, as docker diff tells it of a container.
import { type Change, isRootTime } from '../layer/change.ts';
import type { Command } from './command.ts';
import { changeLine, inOrder, statLines, summary } from './diff-text.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { ABOUT_LAYERS, STACK_FLAGS, type StackSource, stackOf } from './stack-source.ts';
import type { Terminal } from './terminal.ts';

/** Exit code for differences, when they were asked for: 1 and 2 are failures. */
const CHANGED = 3;
const SLASH = Buffer.from('/');

interface Told {
  readonly changes: Change[];
  readonly problems: readonly string[];
}

const bytes = (path: Change['path']) => Buffer.from(path as Uint8Array);

/** Whether a change is about what is at or below a path; what is gone is gone with all that was in it. */
function concerns(change: Change, path: Change['path']): boolean {
  if (path === '.') return true;
  const [at, asked] = [Buffer.concat([bytes(change.path), SLASH]), Buffer.concat([bytes(path), SLASH])];
  const takesAll = change.kind === 'deleted' || change.what.includes('type') || change.from !== undefined;
  return at.indexOf(asked) === 0 || (takesAll && asked.indexOf(at) === 0);
}

// All at once, since deletions are told first and everything by path.
async function changesOf({ stack, path }: StackSource, given: Given): Promise<Told> {
  const { layers } = await stack.lookup(path);
  // open() says in its error that there is nothing.
  if (layers.every(({ role }) => role === 'absent')) await stack.open(path);
  const stream = stack.changes({ ignoreUnchanged: given.has('ignore-unchanged') });
  const changes: Change[] = [];
  for await (const change of stream) if (concerns(change, path)) changes.push(change);
  const problems = changes.flatMap(({ error }) => error?.findings ?? []).map(({ sentence }) => sentence);
  return { changes: inOrder(changes.filter((change) => !isRootTime(change))), problems };
}

function print({ changes }: Told, given: Given, terminal: Terminal): void {
  if (given.has('json')) terminal.line(toJson(changes));
  else if (given.has('stat'))
    for (const line of [...statLines(changes), summary(changes)]) terminal.line(line);
  else for (const change of changes) terminal.line(changeLine(change, terminal));
}

export const diffCommand: Command = {
  summary: 'Lists what was changed in an overlay: its upper against its lowers. Deletions come first.',
  usage: [
    'diff [--stat | --json] [--exit-code] [PATH]',
    'diff --lower DIR… --upper DIR [--stat | --json] [--exit-code] [PATH]',
  ],
  about: [
    'D deleted, A added, C changed, R renamed; behind it what is changed, or where it was. A deleted directory is one',
    'line. Of a path below the root what is changed there. Nothing is left out: what cannot be read is told on stderr,',
    'and the exit code is 1 then.',
    ...ABOUT_LAYERS,
  ],
  flags: {
    ...STACK_FLAGS,
    'ignore-unchanged': { about: 'leave out what was only copied up; contents are compared for it' },
    stat: { about: 'print counts by kind instead' },
    'exit-code': { about: `exit with ${CHANGED} when there are changes` },
    json: { about: 'print an array of changes() in that order' },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 1, what: 'PATH' },
  async run(given, terminal) {
    if (given.has('stat') && given.has('json')) throw new UsageError('--stat and --json exclude each other');
    const source = await stackOf(given, given.words[0] ?? '.');
    try {
      const told = await changesOf(source, given);
      print(told, given, terminal);
      for (const sentence of told.problems) terminal.complain(`overlayfs: ${sentence}`);
      if (told.problems.length > 0) return 1;
      return told.changes.length > 0 && given.has('exit-code') ? CHANGED : 0;
    } finally {
      await source.stack.close();
    }
  },
};
