// Signals by name and by number.
import { constants } from 'node:os';
import { refuse } from '../mount/refuse.ts';

/** Those in real time, which have none, by their distance from the first. */
export function signalName(number: number): NodeJS.Signals {
  const known = Object.entries(constants.signals).find(([, value]) => value === number);
  return (known?.[0] ?? `SIGRTMIN+${number - 34}`) as NodeJS.Signals;
}

/** @throws {OverlayError} ERR_OVERLAY_INVALID_VALUE for what is none */
export function signalNumber(signal: NodeJS.Signals | number): number {
  const number = typeof signal === 'number' ? signal : constants.signals[signal];
  if (Number.isInteger(number) && number! >= 0 && number! <= 64) return number!;
  const sentence = `there is no signal ${JSON.stringify(signal)}`;
  return refuse('ERR_OVERLAY_INVALID_VALUE', { option: 'signal' }, sentence, "use a name, as 'SIGTERM'");
}

/** As shells tell of a command that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + signalNumber(signal);
}
