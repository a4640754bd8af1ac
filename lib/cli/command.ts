// What a command of the program is: its description, its flags, and what runs it. Types, and no code.
import type { FlagRow, Given } from './flags.ts';
import type { Terminal } from './terminal.ts';

export interface Command {
  /** One line for the overview. */
  readonly summary: string;
  /** The ways to write it, without the program's name. */
  readonly usage: readonly string[];
  /** What `--help` says besides the flags, a line an entry. */
  readonly about: readonly string[];
  readonly flags: Readonly<Record<string, FlagRow>>;
  /** How many words it takes besides flags. */
  readonly words: { readonly min: number; readonly max: number; readonly what: string };
  /** Flags come before the first word; what follows belongs to somebody else. */
  readonly flagsFirst?: true;
  /** The exit code of wrong words and failures; absent: 2 and 1. */
  readonly failure?: number;
  /**
   * Runs it before its flags are read, when the words are in another program's form.
   * Gives the exit code, or undefined when they are in ours.
   */
  readonly foreign?: (args: readonly string[], terminal: Terminal) => Promise<number> | undefined;
  /** Gives the exit code. What it throws is a failed operation: exit code 1. */
  readonly run: (given: Given, terminal: Terminal) => Promise<number>;
}
