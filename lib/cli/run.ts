// overlayfs run: a command over a copy-on-write view of a directory; then its changes are shown, and applied or discarded.
// Not from the index: a start that loads all of the package takes some ten milliseconds more.
import type { RunOptions } from '../run/options.ts';
import { runAlone } from '../run/run.ts';
import type { RunningCommand } from '../run/running-command.ts';
import { signalExitCode } from '../run/signal-names.ts';
import { wordToBytes, wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { type Given, UsageError } from './flags.ts';
import { passSignals, type SignalPassage } from './pass-signals.ts';
import type { Terminal } from './terminal.ts';

/** What is ours to fail: as of env(1), timeout(1) and docker run. */
const OWN_FAILURE = 125;

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

// Most who only look change nothing: what shows changes is loaded when there are any.
async function finish(command: RunningCommand, given: Given, terminal: Terminal): Promise<number> {
  const end = await command.finished;
  const plain = !end.leftProcesses && command.notes.length === 0 && !given.has('json') && !given.has('keep');
  // Where nothing was changed no room is taken either: nothing can be incomplete.
  if (!plain || !command.isUntouched())
    return await (await import('./run-ending.ts')).endRun({
      command,
      end,
      given,
      terminal,
      failure: OWN_FAILURE,
    });
  terminal.complain('overlayfs: nothing was changed');
  return end.exitCode ?? signalExitCode(end.signal!);
}

// Now, and not when the command has run for hours.
async function check(given: Given): Promise<void> {
  const ways = ['yes', 'discard', 'keep'].filter((flag) => given.has(flag));
  if (ways.length > 1) throw new UsageError(`--${ways[0]} and --${ways[1]} exclude each other`);
  if (given.has('yes') && given.texts('lower').length > 1)
    throw new UsageError(
      '--yes: with more than one --lower there is no directory that gets the changes; --keep DIR keeps them',
    );
  if (given.has('keep') && given.has('whole'))
    throw new UsageError(
      '--keep: what --whole covers is several directories, and one upper is for one of them',
    );
  const dir = given.text('keep');
  if (dir !== undefined) await (await import('../mount/keep.ts')).tryKeeping(wordToPath(dir));
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
        "print {exitCode, signal, leftProcesses, full, changes, decision}; the command's stdout goes to stderr",
    },
    help: { about: 'this text' },
  },
  words: { min: 1, max: Number.POSITIVE_INFINITY, what: 'COMMAND' },
  flagsFirst: true,
  failure: OWN_FAILURE,
  async run(given, terminal) {
    await check(given);
    const [name, ...args] = given.words.map((word) => (word.isWellFormed() ? word : wordToBytes(word)));
    let signals: SignalPassage | undefined;
    try {
      // Until the command is about to start a signal ends this process, and nothing is there yet that it would leave.
      const command = await runAlone(name!, args, optionsOf(given), (views) => {
        if (views > 1 && given.has('keep'))
          throw new UsageError(
            `--keep: something is mounted in the directory, which takes ${views} views, and one upper is for one of them`,
          );
        signals = passSignals();
      });
      try {
        signals!.follow(command);
        await command.finished;
        // From here on they are for us again: nothing is done in parts.
        signals!.end();
        return await finish(command, given, terminal);
      } finally {
        // This process ends now; the rest is its end's.
        if (!command.endsWithProcess) await command.discard();
      }
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
      signals?.end();
    }
  },
};
