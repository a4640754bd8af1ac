// Signals between whoever started us and the command, as if there were nothing between them.
import { closeSync, openSync, readFileSync } from 'node:fs';

interface Controlled {
  readonly pid: number;
  kill(signal: NodeJS.Signals): boolean;
  on(event: 'stop', listener: (signal: NodeJS.Signals) => void): unknown;
}

/** Those that a terminal sends to everybody in front of it: the command has its own by then, and decides what it means. */
const OF_TERMINAL: readonly NodeJS.Signals[] = ['SIGINT', 'SIGQUIT', 'SIGTSTP'];
const PASSED: readonly NodeJS.Signals[] = ['SIGTERM', 'SIGHUP', 'SIGUSR2', 'SIGALRM'];

function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

// It may have been told to go on before this process, which had stopped too, came to hear of it.
function isStopped(pid: number): boolean {
  try {
    return /^\d+ \(.*\) T /s.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

/** Until `end`, signals for this process are the command's, and this process stops and goes on with it. */
export function passSignals(command: Controlled): { end(): void } {
  const ofTerminal = hasTerminal();
  const pass = (signal: NodeJS.Signals): void => void command.kill(signal);
  const ignore = (): void => {};
  const goOn = (): void => void command.kill('SIGCONT');
  for (const signal of OF_TERMINAL) process.on(signal, ofTerminal ? ignore : pass);
  for (const signal of PASSED) process.on(signal, pass);
  process.on('SIGCONT', goOn);
  // Whoever waits for this process is to see that the command has stopped.
  command.on('stop', () => {
    if (isStopped(command.pid)) process.kill(process.pid, 'SIGSTOP');
  });
  return {
    end() {
      for (const signal of OF_TERMINAL) process.off(signal, ofTerminal ? ignore : pass);
      for (const signal of PASSED) process.off(signal, pass);
      process.off('SIGCONT', goOn);
    },
  };
}
