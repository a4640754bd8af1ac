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

export interface SignalPassage {
  /** From now on they are this command's; those that came before are too. */
  follow(command: Controlled): void;
  end(): void;
}

/** Until `end`, signals for this process are for a command, and this process stops and goes on with it. */
export function passSignals(): SignalPassage {
  const early = new Set<NodeJS.Signals>();
  let command: Controlled | undefined;
  const pass = (signal: NodeJS.Signals): void => {
    if (command === undefined) early.add(signal);
    else command.kill(signal);
  };
  let ofTerminal = false;
  const passUnlessTerminals = (signal: NodeJS.Signals): void => {
    if (!ofTerminal) pass(signal);
  };
  const goOn = (): void => void command?.kill('SIGCONT');
  const handlers: [NodeJS.Signals, (signal: NodeJS.Signals) => void][] = [
    ...OF_TERMINAL.map((signal): [NodeJS.Signals, typeof pass] => [signal, passUnlessTerminals]),
    ...PASSED.map((signal): [NodeJS.Signals, typeof pass] => [signal, pass]),
    ['SIGCONT', goOn],
  ];
  for (const [signal, handler] of handlers) process.on(signal, handler);
  return {
    follow(started) {
      command = started;
      // Not before it runs, which it would have to wait for.
      ofTerminal = hasTerminal();
      for (const signal of early) started.kill(signal);
      // Whoever waits for this process is to see that the command has stopped.
      started.on('stop', () => {
        if (isStopped(started.pid)) process.kill(process.pid, 'SIGSTOP');
      });
    },
    end() {
      for (const [signal, handler] of handlers) process.off(signal, handler);
    },
  };
}
