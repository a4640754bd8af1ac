// Signals by name and by number.
import { textOf } from '../format/given.ts';
import { refuse, wrongType } from '../mount/refuse.ts';

// Asked for when there is a signal, which most commands end without.
const numbers = () => process.getBuiltinModule('node:os').constants.signals;

/** Those in real time, which have none, by their distance from the first. */
export function signalName(number: number): NodeJS.Signals {
  const known = Object.entries(numbers()).find(([, value]) => value === number);
  return (known?.[0] ?? `SIGRTMIN+${number - 34}`) as NodeJS.Signals;
}

/** @throws {OverlayError} ERR_OVERLAY_INVALID_VALUE for what is none */
export function signalNumber(signal: unknown, option = 'signal'): number {
  const number = typeof signal === 'string' ? numbers()[signal as NodeJS.Signals] : signal;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 0 && number <= 64) return number;
  if (typeof signal !== 'string' && typeof signal !== 'number')
    return wrongType(option, "a name, as 'SIGTERM', or a number", signal);
  const sentence = `there is no signal ${textOf(signal)}`;
  return refuse('ERR_OVERLAY_INVALID_VALUE', { option }, sentence, "use a name, as 'SIGTERM'");
}

/** As shells tell of a command that a signal ended. */
export function signalExitCode(signal: NodeJS.Signals): number {
  return 128 + signalNumber(signal);
}
