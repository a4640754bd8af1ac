// overlayfs run: a command over a copy-on-write view of a directory; then its changes are shown, and applied or discarded.
import type { Change } from '../layer/change.ts';
// Not from the index: a start that loads all of the package takes some ten milliseconds more.
import type { RunOptions } from '../run/options.ts';
import { run } from '../run/run.ts';
import type { RunningCommand } from '../run/running-command.ts';
import { wordToBytes, wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { changeLine, inOrder, summary } from './diff-text.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { passSignals } from './pass-signals.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

/** What is ours to fail: as of env(1), timeout(1) and docker run. */
const OWN_FAILURE = 125;

type Decision = 'applied' | 'discarded' | 'kept';

function sizeOf(given: Given): { size?: number } {
  const text = given.text('size');
  if (text === undefined) return {};
  const [, number, unit = ''] = /^([1-9]\d*)([kmgt]?)$/i.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`--size must be bytes, or as 512m or 2g, not ${text}`);
  return { size: Number(number) * 1024 ** (' kmgt'.indexOf(unit.toLowerCase()) || 0) };
}

function optionsOf(given: Given): RunOptions {
  const lowers = given.texts('lower');
  const [at, upperOn] = [given.text('at'), given.text('upper-on')];
  return {
    ...(lowers.length > 0 && { lower: lowers.map(wordToPath) }),
    ...(at !== undefined && { at: wordToPath(at) }),
    ...(upperOn !== undefined && { upperOn: wordToPath(upperOn) }),
    ...(given.has('whole') && { whole: true }),
    ...(given.has('wait') && { leftovers: 'wait' as const }),
    ...sizeOf(given),
    // Data goes to stdout alone, so that what the command prints goes where people read.
    stdio: ['inherit', given.has('json') ? 2 : 'inherit', 'inherit'],
  };
}

async function changesOf(command: RunningCommand, terminal: Terminal): Promise<Change[]> {
  const list = command.changes({ ignoreUnchanged: true });
  const changes = inOrder(await list);
  for (const { sentence } of list.findings) terminal.complain(`overlayfs: ${sentence}`);
  return changes;
}

/** Everything goes to stderr: stdout is the command's. */
async function show(changes: readonly Change[], command: RunningCommand, terminal: Terminal): Promise<void> {
  for (const change of changes) terminal.complain(changeLine(change, terminal));
  terminal.complain(`overlayfs: ${changes.length === 0 ? 'nothing was changed' : summary(changes)}`);
  if (await command.isFull())
    terminal.complain(
      'overlayfs: there is no room left for changes: what was written may be incomplete (--size, --upper-on)',
    );
}

async function decide(given: Given, changes: readonly Change[], terminal: Terminal): Promise<Decision> {
  if (given.has('keep')) return 'kept';
  if (given.has('discard') || changes.length === 0) return 'discarded';
  if (given.has('yes')) return 'applied';
  const answer = given.has('json')
    ? undefined
    : await (await import('./question.ts')).question('overlayfs: apply these changes? [y/N] ');
  if (answer === undefined && !given.has('json'))
    terminal.complain(
      'overlayfs: discarded, since there is no terminal to ask; --yes applies, --keep DIR keeps',
    );
  return answer !== undefined && /^y(es)?$/i.test(answer.trim()) ? 'applied' : 'discarded';
}

async function carryOut(
  decision: Decision,
  command: RunningCommand,
  given: Given,
  terminal: Terminal,
): Promise<void> {
  const quiet = given.has('json');
  if (decision === 'applied') {
    await command.apply();
    if (!quiet) terminal.complain('overlayfs: applied');
  }
  if (decision === 'kept') {
    const dir = given.text('keep')!;
    const owners = process.geteuid!() === 0 ? 'kept' : 'mine';
    await command.keep(wordToPath(dir), { owners });
    if (!quiet) terminal.complain(`overlayfs: kept in ${printable(dir)}`);
  }
}

async function finish(command: RunningCommand, given: Given, terminal: Terminal): Promise<number> {
  const { exitCode, signal, leftProcesses } = await command.finished;
  const code = exitCode ?? 128 + (await import('node:os')).constants.signals[signal!];
  if (leftProcesses && !given.has('wait'))
    terminal.complain('overlayfs: processes that the command had left were killed; --wait waits for them');
  for (const { sentence } of command.notes) terminal.complain(`overlayfs: ${sentence}`);
  const changes = await changesOf(command, terminal);
  if (!given.has('json')) await show(changes, command, terminal);
  const decision = await decide(given, changes, terminal);
  await carryOut(decision, command, given, terminal);
  if (given.has('json')) terminal.line(toJson({ exitCode, signal, leftProcesses, changes, decision }));
  return code;
}

function check(given: Given): void {
  const ways = ['yes', 'discard', 'keep'].filter((flag) => given.has(flag));
  if (ways.length > 1) throw new UsageError(`--${ways[0]} and --${ways[1]} exclude each other`);
}

export const runCommand: Command = {
  summary:
    'Runs a command that sees a copy-on-write view of a directory; then shows what it changed, and applies or discards it.',
  usage: [
    'run [--lower DIR]… [--at DIR] [--yes | --discard | --keep UPPER] [--json] [--] COMMAND…',
    'run --whole [--yes | --discard] [--json] [--] COMMAND…',
  ],
  about: [
    'The command sees the view at the path of the directory itself: the current one, or --at. All else is as it is, with',
    'terminal, signals, environment and exit code. Its changes are in memory until they are applied; deletions are told',
    'first, and nothing is cut. Asked on a terminal; elsewhere they are discarded, unless a flag says otherwise.',
    '',
    'This is no security sandbox: the command may do outside of the view all that you may.',
    '',
    "Exit codes: the command's own, 128 and the number of the signal that ended it, 127 no such command, 126 it cannot be",
    'started, 125 overlayfs itself failed.',
  ],
  flags: {
    lower: {
      value: 'DIR',
      repeatable: true,
      about: 'what the view shows, the top one first; absent: what --at has',
    },
    at: { value: 'DIR', about: 'where the command sees it; absent: the current directory' },
    whole: { about: 'cover every top-level directory that can be written to; the rest is read-only' },
    keep: {
      value: 'UPPER',
      about: 'write the changes into a new directory, as an upper for the same lowers',
    },
    'upper-on': { value: 'DIR', about: 'keep changes below DIR instead of in memory while it runs' },
    size: { value: 'BYTES', about: 'how much memory changes may take, as 512m or 2g' },
    wait: { about: 'wait for processes that the command leaves behind, instead of killing them' },
    yes: { about: 'apply the changes without asking' },
    discard: { about: 'discard the changes without asking' },
    json: {
      about:
        "print {exitCode, signal, leftProcesses, changes, decision}; the command's stdout goes to stderr",
    },
    help: { about: 'this text' },
  },
  words: { min: 1, max: Number.POSITIVE_INFINITY, what: 'COMMAND' },
  flagsFirst: true,
  failure: OWN_FAILURE,
  async run(given, terminal) {
    check(given);
    const [name, ...args] = given.words.map((word) => (word.isWellFormed() ? word : wordToBytes(word)));
    const signals = passSignals();
    try {
      await using command = await run(name!, args, optionsOf(given));
      signals.follow(command);
      await command.finished;
      // From here on they are for us again: nothing is done in parts.
      signals.end();
      return await finish(command, given, terminal);
    } catch (error) {
      const { code } = error as { code?: unknown };
      const own =
        code === 'ERR_OVERLAY_COMMAND_NOT_FOUND'
          ? 127
          : code === 'ERR_OVERLAY_COMMAND_NOT_EXECUTABLE'
            ? 126
            : undefined;
      if (own === undefined) throw error;
      const { failureJson, failureText } = await import('./failure.ts');
      terminal.complain(given.has('json') ? failureJson(error) : failureText(error));
      return own;
    } finally {
      signals.end();
    }
  },
};
