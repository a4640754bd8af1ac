// The program overlayfs: hands its words to a command and its exit code to the system.
import { readArguments } from './arguments.ts';
import { runProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

/** Called when everything has been evaluated that is in the same file (`entry.ts`). */
export async function main(): Promise<void> {
  const terminal = processTerminal();
  try {
    process.exitCode = await runProgram(process.argv[1] ?? 'overlayfs', readArguments(), terminal);
  } catch (error) {
    // As an addon that cannot be loaded: a sentence and no stack.
    const known = error instanceof Error && 'code' in error;
    terminal.complain(`overlayfs: ${known ? error.message : ((error as Error)?.stack ?? String(error))}`);
    process.exitCode = 1;
  }
  process.once('exit', () => {
    if (terminal.failure === undefined || process.exitCode !== 0) return;
    terminal.complain(`overlayfs: the output could not be written: ${terminal.failure.message}`);
    process.exitCode = terminal.failureCode;
  });
  // Nothing is left to wait for: to find that out takes half a millisecond more.
  if (terminal.isWritten) process.exit();
}
