// What the filesystem of a directory can do of all that overlay asks for, tried in a private directory on it.
import { AT_EMPTY_PATH, O_DIRECTORY, O_RDONLY, RENAME_WHITEOUT, S_IFREG } from '../constants.ts';
import { errnoName } from '../errno.ts';
import { KernelError } from '../kernel-error.ts';
import { MAY_FAIL, Program, WANT } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, no, remedyFor, unknown, yes } from './answer.ts';
import { tellsTypes } from './directory-entries.ts';
import type { ProbeDirectory } from './probe-directory.ts';

export interface Abilities {
  /** Whether this user can make things in the directory. */
  readonly writable: FeatureAnswer;
  /** Listings tell types; without it, deleted names stay visible in an upper. */
  readonly dType: FeatureAnswer;
  /** `trusted.overlay.*` attributes, which only CAP_SYS_ADMIN in the initial user namespace can set. */
  readonly trustedXattr: FeatureAnswer;
  /** `user.overlay.*` attributes, which userxattr needs. */
  readonly userXattr: FeatureAnswer;
  /** renameat2(2) that leaves a whiteout. */
  readonly renameWhiteout: FeatureAnswer;
  /** Files without a name. */
  readonly tmpfile: FeatureAnswer;
  /** File handles, which index and nfsExport need of every layer. */
  readonly fileHandles: FeatureAnswer;
}

// asm-generic/fcntl.h: O_TMPFILE is this bit with O_DIRECTORY.
const TMPFILE_BIT = 0o20000000;
const O_RDWR = 2;

function answerOf(errno: number, what: string, remedy?: (code: string) => string | undefined): FeatureAnswer {
  if (errno === 0) return yes(`${what} works`);
  const code = errnoName(errno);
  return no(`${what} answers ${code}`, remedy?.(code));
}

const onlyRoot = (code: string): string | undefined =>
  code === 'EPERM' ? 'Ask as root: only CAP_SYS_ADMIN in the initial user namespace may set it.' : undefined;

function dTypeAnswer(entries: Buffer | undefined, where: string): FeatureAnswer {
  const told = entries && tellsTypes(entries);
  if (told === undefined) return unknown(`${where} gave no entry to look at`);
  return told
    ? yes(`${where} told the types of its entries`)
    : no(
        `${where} told no type (DT_UNKNOWN)`,
        'Make the filesystem again with it (xfs: mkfs.xfs -n ftype=1), or use another.',
      );
}

function addHandle(program: Program, directory: number): number {
  return program.add('name_to_handle_at', MAY_FAIL, directory, '', AT_EMPTY_PATH);
}

const handles = (program: Program, step: number): FeatureAnswer =>
  answerOf(-program.value(step), 'name_to_handle_at');

/** What can be told of a directory in which nothing may be made. */
function* abilitiesUnwritten(directory: number, refusal: KernelError): Routine<Abilities> {
  const program = new Program();
  const readable = program.add('openat', MAY_FAIL, directory, '.', O_RDONLY | O_DIRECTORY, 0);
  const listing = program.add('getdents64', MAY_FAIL | WANT, readable, 32_768);
  const handle = addHandle(program, directory);
  yield* program.run();
  const denied = `making a directory in it answers ${refusal.code}`;
  const untried = unknown(`not tried: ${denied}`);
  return {
    writable: no(denied, remedyForWriting(refusal)),
    dType: dTypeAnswer(program.bytes(listing), 'the listing of the directory'),
    trustedXattr: untried,
    userXattr: untried,
    renameWhiteout: untried,
    tmpfile: untried,
    fileHandles: handles(program, handle),
  };
}

function remedyForWriting(refusal: KernelError): string | undefined {
  return refusal.code === 'EACCES' || refusal.code === 'EPERM'
    ? 'Give this user the right to write in it, or choose another directory.'
    : remedyFor(refusal);
}

function* abilitiesTried(directory: number, { fd }: ProbeDirectory): Routine<Abilities> {
  const program = new Program();
  const value = Buffer.from('y');
  program.add('mkdirat', MAY_FAIL, fd, 'entry', 0o700);
  // Opened anew: btrfs lists only what was there when the descriptor was opened.
  const reopened = program.add('openat', MAY_FAIL, fd, '.', O_RDONLY | O_DIRECTORY, 0);
  const listing = program.add('getdents64', MAY_FAIL | WANT, reopened, 4_096);
  const trusted = program.add('setxattr', MAY_FAIL, fd, 'trusted.overlay.probe', value, 0);
  const user = program.add('setxattr', MAY_FAIL, fd, 'user.overlay.probe', value, 0);
  program.add('mknodat', MAY_FAIL, fd, 'file', S_IFREG | 0o600, 0);
  const rename = program.add('renameat2', MAY_FAIL, fd, 'file', fd, 'renamed', RENAME_WHITEOUT);
  const tmpfile = program.add('openat', MAY_FAIL, fd, '.', TMPFILE_BIT | O_DIRECTORY | O_RDWR, 0o600);
  const handle = addHandle(program, directory);
  yield* program.run();
  const result = (step: number) => -program.value(step);
  return {
    writable: yes('a directory was made in it'),
    dType: dTypeAnswer(program.bytes(listing), 'the listing of a new directory'),
    trustedXattr: answerOf(result(trusted), 'setxattr of trusted.overlay.probe', onlyRoot),
    userXattr: answerOf(result(user), 'setxattr of user.overlay.probe'),
    renameWhiteout: answerOf(result(rename), 'renameat2 with RENAME_WHITEOUT'),
    tmpfile: answerOf(result(tmpfile), 'openat with O_TMPFILE'),
    fileHandles: handles(program, handle),
  };
}

export function probeAbilities(directory: number, made: ProbeDirectory | KernelError): Routine<Abilities> {
  return made instanceof KernelError ? abilitiesUnwritten(directory, made) : abilitiesTried(directory, made);
}
