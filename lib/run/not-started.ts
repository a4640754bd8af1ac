// Why a command could not be started.
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { explainNamespaceFailure } from '../diagnosis/namespace-failure.ts';
import type { Subject } from '../diagnosis/subject.ts';
import { OverlayError, shown } from '../format/overlay-error.ts';
import { E2BIG, EACCES, ENOENT, ENOSYS, ENOTDIR, errnoName } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Candidate, CommandLine } from './command-line.ts';
import type { StartPlan } from './plan-start.ts';

const SINCE: Readonly<Record<string, string>> = { mount_setattr: '5.12' };

function unknownCall(error: KernelError): OverlayError {
  const sentence = `a view cannot be put at its place, since ${error.syscall}(2) is missing: ${error.message}`;
  const hint = `use Linux ${SINCE[error.syscall] ?? '5.2'} or later, and a seccomp filter that allows the call`;
  return new OverlayError([{ code: 'ERR_OVERLAY_NOT_SUPPORTED', sentence, hint, option: 'at' }], error);
}

/** A step before the command failed. */
export function* explainStart(
  error: KernelError,
  { plan, placing, chdir }: StartPlan,
  cwd: string | Buffer,
): Routine<OverlayError> {
  const { step } = error;
  if (error.syscall === 'clone' || step < placing) return yield* explainNamespaceFailure(error);
  if (error.errno === -ENOSYS) return unknownCall(error);
  const subject = plan.subjectOf(step) as Subject | undefined;
  if (step === chdir) {
    const path = shown(cwd);
    const sentence = `the command cannot start in ${JSON.stringify(path)}, as it is in the view: ${error.message}`;
    const code = error.errno === -EACCES ? 'ERR_OVERLAY_NO_ACCESS' : 'ERR_OVERLAY_NOT_FOUND';
    const hint = 'name a directory that the view has as `cwd`';
    return new OverlayError([{ code, sentence, hint, option: 'cwd', path }], error);
  }
  if (subject?.option === 'stdio') {
    const sentence = `stdio[${subject.index}]: ${error.message}`;
    const hint = 'keep the descriptor open until the command has started';
    return new OverlayError(
      [{ code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', sentence, hint, option: 'stdio' }],
      error,
    );
  }
  return yield* explainMountFailure(error, { directories: [], subject });
}

function interpreterOf(path: Buffer): string | undefined {
  try {
    const fd = openSync(path, 'r');
    try {
      const head = Buffer.alloc(256);
      const text = head.subarray(0, readSync(fd, head, 0, 256, 0)).toString();
      return /^#![ \t]*([^\s]+)/.exec(text)?.[1];
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function whyNot({ path: given, there: path }: Candidate, errno: number): string {
  const name = JSON.stringify(shown(given));
  if (errno === ENOENT) {
    const interpreter = interpreterOf(path);
    return interpreter === undefined
      ? `${name} needs a program loader that does not exist here`
      : `${name} needs the interpreter ${JSON.stringify(interpreter)}, which does not exist`;
  }
  if (errno === E2BIG) return `${name}: arguments and environment are longer than the kernel takes`;
  if (errno !== EACCES) return `${name} cannot be started: ${errnoName(errno)}`;
  try {
    if (statSync(path).isDirectory()) return `${name} is a directory`;
  } catch {
    return `${name} may not be reached by this user`;
  }
  return `${name} may not be executed: by its permissions, or since its filesystem is mounted noexec`;
}

/**
 * No program became the command. As shells do: one that is there and cannot be started counts for more than all places
 * where none is.
 */
export function notStarted({ name, candidates }: CommandLine, errnos: readonly number[]): OverlayError {
  const named = name.includes('/');
  const found = candidates.findIndex(({ there }, i) => {
    if (errnos[i] === ENOTDIR) return false;
    // What lies in a directory of PATH that this user may not enter nobody has found.
    return existsSync(there) || (errnos[i] === EACCES ? named : errnos[i] !== ENOENT);
  });
  const failure = (i: number) =>
    new KernelError({
      errno: errnos[i]!,
      syscall: 'execve',
      call: `execve(${JSON.stringify(shown(candidates[i]!.path))}, …)`,
      log: '',
      step: 0,
    });
  if (found >= 0) {
    const candidate = candidates[found]!;
    const sentence = `the command cannot be started: ${whyNot(candidate, errnos[found]!)}`;
    const hint = 'name a program that this user may execute';
    const code = 'ERR_OVERLAY_COMMAND_NOT_EXECUTABLE';
    return new OverlayError(
      [{ code, sentence, hint, option: 'command', path: shown(candidate.path) }],
      failure(found),
    );
  }
  const closed = errnos.includes(EACCES) ? ' that this user may enter' : '';
  const places = named ? '' : ` in any directory of PATH${closed}`;
  const sentence = `there is no program ${JSON.stringify(name)}${places}`;
  const hint = 'correct the name, install it, or name it by its path';
  return new OverlayError(
    [{ code: 'ERR_OVERLAY_COMMAND_NOT_FOUND', sentence, hint, option: 'command', path: name }],
    failure(Math.max(errnos.indexOf(ENOENT), 0)),
  );
}

/** Nothing tells what became of it. */
export function lost(): OverlayError {
  return new OverlayError([
    {
      code: 'ERR_OVERLAY_RUN_LOST',
      sentence: 'the process that was to become the command was killed before it did',
      hint: 'look for who kills processes: a seccomp filter, or the kernel when memory has run out',
    },
  ]);
}
