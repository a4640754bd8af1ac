// The command as execve(2) takes it: where its program may lie, its arguments and its environment as bytes.
import { accessSync, constants, readFileSync, statSync } from 'node:fs';
import { copyOf } from '../format/given.ts';
import { AT_FDCWD, O_RDONLY } from '../kernel/constants.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { runSync } from '../kernel/routine.ts';
import { refuse, wrongType } from '../mount/refuse.ts';

type Word = string | Uint8Array;

/** A file that may be the program, and how it is started. */
export interface Candidate {
  readonly path: Buffer;
  /** The same from the root, as this process finds it. */
  readonly there: Buffer;
  readonly argv: Buffer;
}

export interface CommandLine {
  /** For people. */
  readonly name: string;
  /** In the order of execvp(3). */
  readonly candidates: readonly Candidate[];
  readonly environment: Buffer;
}

const NUL = Buffer.alloc(1);

function bytesOf(word: unknown, option: string, index?: number): Buffer {
  if (typeof word !== 'string' && !(word instanceof Uint8Array))
    return wrongType(option, 'a string or a Buffer', word, index);
  const bytes = Buffer.from(word as Uint8Array);
  if (!bytes.includes(0)) return bytes;
  const place = index === undefined ? { option } : { option, index };
  return refuse('ERR_OVERLAY_NUL_BYTE', place, `${option} contains a NUL byte`, 'remove the NUL byte');
}

function joined(words: readonly Buffer[]): Buffer {
  return Buffer.concat(words.flatMap((word) => [word, NUL]));
}

// process.env has text; what is no UTF-8 in it is read again where it came from.
function withBytes(
  environment: Readonly<Record<string, Word | undefined>>,
): Record<string, Word | undefined> {
  const found = { ...environment };
  const raw = readFileSync('/proc/self/environ', 'latin1').split('\0');
  for (const entry of raw) {
    const bytes = Buffer.from(entry, 'latin1');
    const [name = ''] = bytes.toString().split('=', 1);
    if (found[name] === bytes.subarray(Buffer.byteLength(name) + 1).toString())
      found[name] = bytes.subarray(Buffer.byteLength(name) + 1);
  }
  return found;
}

function givenEnvironment(env: unknown): Readonly<Record<string, Word | undefined>> {
  const copy = copyOf(env, 'env');
  if (typeof copy !== 'object' || copy === null || Array.isArray(copy))
    return wrongType('env', 'an object', env);
  return copy as Record<string, Word | undefined>;
}

function environmentOf(env: Readonly<Record<string, Word | undefined>>): Buffer {
  let text = '';
  const parts: Buffer[] = [];
  for (const name in env) {
    const value = env[name];
    if (value === undefined) continue;
    // Nearly all are text, which is put together as such.
    if (typeof value === 'string' && !value.includes('\0') && !name.includes('\0'))
      text += `${name}=${value}\0`;
    else parts.push(bytesOf(`${name}=`, 'env'), bytesOf(value, `env.${name}`), NUL);
  }
  return parts.length === 0 ? Buffer.from(text) : Buffer.concat([Buffer.from(text), ...parts]);
}

function pathsOf(command: Buffer, searched: Word | undefined): Buffer[] {
  if (command.includes('/')) return [command];
  const name = command.toString('latin1');
  // glibc's, where there is no PATH.
  const directories = Buffer.from((searched ?? '/bin:/usr/bin') as Uint8Array)
    .toString('latin1')
    .split(':');
  return directories.map((dir) => Buffer.from(`${dir || '.'}/${name}`, 'latin1'));
}

function isExecutable(path: Buffer): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// A pipe or a device must not hold us up, nor become our terminal.
const LOOK = O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY;

/** Of which of them execve(2) will say ENOEXEC: execvp(3) hands such a file to the shell. All in one program. */
function areForShell(paths: readonly Buffer[]): boolean[] {
  const program = new Program();
  const heads = paths.map((path) => {
    const fd = program.add('openat', MAY_FAIL, AT_FDCWD, path, LOOK, 0);
    return program.add('read', MAY_FAIL | WANT, fd, 4);
  });
  runSync(program.run());
  return paths.map((path, i) => {
    const head = program.bytes(heads[i]!)?.toString('latin1');
    return head !== undefined && !head.startsWith('#!') && head !== '\x7fELF' && isExecutable(path);
  });
}

/** @param from where a relative path begins. @throws {OverlayError} for words that are no words */
export function commandLine(
  command: unknown,
  args: unknown,
  { argv0, env, from }: { argv0?: string | undefined; env?: unknown; from: string | Buffer },
): CommandLine {
  const name = bytesOf(command, 'command');
  if (name.length === 0)
    refuse('ERR_OVERLAY_EMPTY_PATH', { option: 'command' }, 'the command is empty', 'name a program');
  if (!Array.isArray(args)) return wrongType('args', 'an array', args);
  const words = args.map((word, i) => bytesOf(word, 'args', i));
  const environment: Readonly<Record<string, Word | undefined>> =
    env === undefined ? { ...process.env } : givenEnvironment(env);
  let block = environmentOf(environment);
  // U+FFFD is what Node leaves of a byte that it could not decode.
  if (env === undefined && block.includes('\ufffd')) block = environmentOf(withBytes(environment));
  const argv = joined([argv0 === undefined ? name : bytesOf(argv0, 'argv0'), ...words]);
  const paths = pathsOf(name, environment.PATH);
  const there = paths.map((path) =>
    path[0] === 0x2f ? path : Buffer.concat([Buffer.from(from as Uint8Array), Buffer.from('/'), path]),
  );
  const forShell = areForShell(there);
  const candidates = paths.flatMap((path, i): Candidate[] => {
    const plain = { path, there: there[i]!, argv };
    if (!forShell[i]) return [plain];
    const shell = Buffer.from('/bin/sh');
    return [plain, { path: shell, there: shell, argv: joined([Buffer.from('sh'), path, ...words]) }];
  });
  return { name: name.toString(), candidates, environment: block };
}
