// One run of the program: from the words of the command line to an exit code. What not every run needs is loaded then.
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { packageRoot } from '../kernel/package-root.ts';
import type { Command } from './command.ts';
import { findCommand, summaries } from './commands.ts';
import { type Given, readFlags, UsageError } from './flags.ts';
import type { Terminal } from './terminal.ts';

function version(): string {
  const text = readFileSync(`${packageRoot()}/package.json`, 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

function checkWords({ words }: Given, { min, max, what }: Command['words']): void {
  if (words.length < min) throw new UsageError(`${what} is missing`);
  if (words.length > max) throw new UsageError(`${JSON.stringify(words[max])} is one word too many`);
}

function wantsHelp(args: readonly string[], { flagsFirst }: Command): boolean {
  if (args[0] === '-h' && args.length === 1) return true;
  return flagsFirst ? args[0] === '--help' : args.includes('--help');
}

async function runCommand(name: string, args: readonly string[], terminal: Terminal): Promise<number> {
  const command = await findCommand(name);
  terminal.failureCode = command.failure ?? 1;
  if (wantsHelp(args, command)) {
    const { commandHelp } = await import('./help.ts');
    terminal.line(commandHelp(command));
    return 0;
  }
  const foreign = command.foreign?.(args, terminal);
  if (foreign !== undefined) return await foreign;
  try {
    return await runGiven(command, args, terminal);
  } catch (error) {
    if (!(error instanceof UsageError) || command.failure === undefined) throw error;
    complainOfUse(name, error, terminal);
    return command.failure;
  }
}

async function runGiven(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const given = readFlags(args, command.flags, command.flagsFirst);
  checkWords(given, command.words);
  try {
    return await command.run(given, terminal);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    const { failureJson, failureText } = await import('./failure.ts');
    terminal.complain(given.has('json') ? failureJson(error) : failureText(error));
    return command.failure ?? 1;
  }
}

function complainOfUse(name: string | undefined, error: UsageError, terminal: Terminal): void {
  const known = name !== undefined && summaries.has(name);
  terminal.complain(`overlayfs${known ? ` ${name}` : ''}: ${error.message}`);
  terminal.complain(`  hint: see overlayfs ${known ? `${name} ` : ''}--help`);
}

async function runOwn(args: readonly string[], terminal: Terminal): Promise<number> {
  const [name, ...rest] = args;
  try {
    if (name === undefined) throw new UsageError('a command is missing');
    if (name === '--help' || name === '-h' || name === 'help') {
      if (rest[0] !== undefined) return await runCommand(rest[0], ['--help'], terminal);
      const { programHelp } = await import('./help.ts');
      terminal.line(programHelp(summaries));
      return 0;
    }
    if (name === '--version' || name === '-V') {
      terminal.line(version());
      return 0;
    }
    if (name.startsWith('-')) throw new UsageError(`there is no flag ${name} before the command`);
    return await runCommand(name, rest, terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    complainOfUse(name, error, terminal);
    return 2;
  }
}

/** @param calledAs the path by which the program was called: mount(8) calls it as /sbin/mount.TYPE */
export async function runProgram(
  calledAs: string,
  args: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [role] = basename(calledAs).split('.');
  const isHelper =
    /^u?mount\.[^.]/.test(basename(calledAs)) && !/^u?mount\.[cm]?[jt]s$/.test(basename(calledAs));
  if (isHelper && role === 'mount')
    return await (await import('./mount-form.ts')).runMountForm(args, terminal);
  if (isHelper) return await (await import('./umount-form.ts')).runUmountForm(args, terminal);
  return await runOwn(args, terminal);
}
