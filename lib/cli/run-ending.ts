// What becomes of the changes of a command that has ended: shown, and applied, kept or discarded.
import { OverlayError } from '../format/overlay-error.ts';
import type { Change } from '../layer/change.ts';
import type { RunEnd, RunningCommand } from '../run/running-command.ts';
import { signalExitCode } from '../run/signal-names.ts';
import { wordToPath } from './arguments.ts';
import { changeLine, inOrder, summary } from './diff-text.ts';
import type { Given } from './flags.ts';
import { toJson } from './json.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Decision = 'applied' | 'discarded' | 'kept';

async function changesOf(command: RunningCommand, terminal: Terminal): Promise<Change[]> {
  const list = command.changes({ ignoreUnchanged: true });
  const changes = inOrder(await list);
  for (const { sentence } of list.findings) terminal.complain(`overlayfs: ${sentence}`);
  return changes;
}

/** Everything goes to stderr: stdout is the command's. */
function show(changes: readonly Change[], isFull: boolean, terminal: Terminal): void {
  for (const change of changes) terminal.complain(changeLine(change, terminal));
  terminal.complain(`overlayfs: ${changes.length === 0 ? 'nothing was changed' : summary(changes)}`);
  if (isFull)
    terminal.complain(
      'overlayfs: there is no room left for changes: what was written may be incomplete (--size, --upper-on)',
    );
}

/** What would stop an apply: it is told before anybody is asked, and while it can still be seen to. */
async function hindrances(command: RunningCommand): Promise<string[]> {
  try {
    const plans = await command.plan();
    const found = plans.flatMap(({ conflicts, obstacles }) => [...conflicts, ...obstacles]);
    return found.map(({ sentence }) => sentence);
  } catch (error) {
    // What cannot be planned has not been asked for yet: it is discarded, and the exit code is the command's.
    if (error instanceof OverlayError) return error.findings.map(({ sentence }) => sentence);
    throw error;
  }
}

async function decide(
  command: RunningCommand,
  given: Given,
  changes: readonly Change[],
  terminal: Terminal,
): Promise<Decision> {
  if (given.has('keep')) return 'kept';
  if (given.has('discard') || changes.length === 0) return 'discarded';
  if (given.has('yes')) return 'applied';
  const stops = given.has('json') ? [] : await hindrances(command);
  for (const sentence of stops) terminal.complain(`overlayfs: cannot be applied: ${sentence}`);
  if (stops.length > 0) {
    terminal.complain('overlayfs: discarded; --keep DIR keeps them');
    return 'discarded';
  }
  const answer = given.has('json')
    ? undefined
    : await (await import('./question.ts')).question('overlayfs: apply these changes? [y/N] ');
  if (answer !== undefined && /^y(es)?$/i.test(answer.trim())) return 'applied';
  if (!given.has('json'))
    terminal.complain(
      answer === undefined
        ? 'overlayfs: discarded, since there is no terminal to ask; --yes applies, --keep DIR keeps'
        : 'overlayfs: discarded',
    );
  return 'discarded';
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

interface Ended {
  readonly command: RunningCommand;
  readonly end: RunEnd;
  readonly given: Given;
  readonly terminal: Terminal;
  /** The exit code when it is us who fail. */
  readonly failure: number;
}

/** Gives the exit code. */
export async function endRun({ command, end, given, terminal, failure }: Ended): Promise<number> {
  const { exitCode, signal, leftProcesses } = end;
  const full = await command.isFull();
  if (leftProcesses && !given.has('wait'))
    terminal.complain('overlayfs: processes that the command had left were killed; --wait waits for them');
  for (const { sentence } of command.notes) terminal.complain(`overlayfs: ${sentence}`);
  const changes = await changesOf(command, terminal);
  if (!given.has('json')) show(changes, full, terminal);
  // Of a file that there was no room for a part would take the place of the whole one.
  const refused = full && given.has('yes') && changes.length > 0;
  const decision = refused ? 'discarded' : await decide(command, given, changes, terminal);
  if (refused)
    terminal.complain(
      'overlayfs: not applied: there was no room for all of it; --size or --upper-on gives more, --keep DIR keeps what there is',
    );
  await carryOut(decision, command, given, terminal);
  if (given.has('json')) terminal.line(toJson({ exitCode, signal, leftProcesses, full, changes, decision }));
  return refused ? failure : (exitCode ?? signalExitCode(signal!));
}
