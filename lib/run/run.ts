// run(): a command that sees a throw-away copy-on-write view of a directory at the directory's own place.
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { requireProc } from '../layer/require-proc.ts';
import { commandLine } from './command-line.ts';
import { launch } from './launch.ts';
import { readingLine, socketLine } from './line.ts';
import type { Manner } from './manner.ts';
import { type RunOptions, readRunOptions } from './options.ts';
import { RunningCommand } from './running-command.ts';
import { signalNumber } from './signal-names.ts';
import { openStdio } from './stdio.ts';
import { endViews, makeViews } from './views.ts';

/**
 * Starts a command over a copy-on-write view of a directory. The command sees it at the directory's own path, so that
 * getcwd(2) and absolute paths work; everything else is as it is for this process, and user and group too. What it changes
 * there is kept in memory until `apply`, or discarded with the object.
 *
 * It is no sandbox: the command may do all that this process may, by the network, by other processes, in other directories.
 *
 * Nothing of it outlives this process, however that ends.
 *
 * @param args strings, or Buffers for what is no text
 * @throws {OverlayError} when it cannot be started: see docs/errors.md
 */
export async function run(
  command: string | Uint8Array,
  args: readonly (string | Uint8Array)[] = [],
  options: RunOptions = {},
): Promise<RunningCommand> {
  return await start(command, args, options, { settle: runAsync, open: socketLine, starting: () => {} });
}

/**
 * {@link run} for a process that has nothing else to do: what takes no longer than it has to is done here and now.
 *
 * @param starting is called with the number of views when all is ready, before another thread starts the command; what
 *   it throws ends the start
 */
export async function runAlone(
  command: string | Uint8Array,
  args: readonly (string | Uint8Array)[],
  options: RunOptions,
  starting: (views: number) => void,
): Promise<RunningCommand> {
  const manner = { settle: async <T>(routine: Routine<T>) => runSync(routine), open: readingLine, starting };
  return await start(command, args, options, manner);
}

interface Starting extends Manner {
  readonly starting: (views: number) => void;
}

async function start(
  command: string | Uint8Array,
  args: readonly (string | Uint8Array)[],
  options: RunOptions,
  { settle, open, starting }: Starting,
): Promise<RunningCommand> {
  requireProc();
  const request = readRunOptions(options);
  const { signal, killSignal, env, argv0 } = request.given;
  if (killSignal !== undefined) signalNumber(killSignal, 'killSignal');
  const line = commandLine(command, args, { argv0, env, from: request.cwd.absolute });
  signal?.throwIfAborted();
  const views = await settle(makeViews(request));
  try {
    const [first] = views.views;
    const namespace = first && (await settle(first.overlay.namespace()));
    const stdio = openStdio(request.given);
    try {
      const beginning = { line, cwd: request.cwd.absolute, sources: stdio.sources, namespace };
      starting(views.views.length);
      const { pid, socket } = await runAsync(launch(views, beginning));
      return new RunningCommand(request, views, { pid, socket, open, settle, streams: stdio.streams });
    } catch (error) {
      stdio.abandon();
      throw error;
    } finally {
      stdio.release();
    }
  } catch (error) {
    await settle(endViews(views));
    throw error;
  }
}
