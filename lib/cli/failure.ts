// How a failed operation is told: as sentences, as one line, as JSON, and as an exit code.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { markedPath, partOf, withPart } from './wrong-part.ts';

interface Failure {
  readonly message: string;
  readonly code?: string;
  readonly hint?: string;
  /** The failed system call, as a tracer would print it. */
  readonly call?: string;
}

function callOf(error: unknown): string | undefined {
  return error instanceof KernelError ? error.message : undefined;
}

export function describeFailure(error: unknown): Failure {
  if (!(error instanceof Error)) return { message: String(error) };
  const { code, hint } = error as Error & { code?: unknown; hint?: unknown };
  const call = callOf(error.cause);
  const expected = typeof code === 'string' || error instanceof UsageError;
  return {
    // An error that nobody foresaw: where it happened is all the help there is.
    message: expected ? error.message : (error.stack ?? error.message),
    ...(typeof code === 'string' && { code }),
    ...(typeof hint === 'string' && { hint }),
    // Some sentences hold the call already.
    ...(call !== undefined && !error.message.includes(call) && { call }),
  };
}

// Hints are for programs, `mkdir: true` and as `name`; whoever reads them here has flags of the same names.
export function inFlags(hint: string): string {
  return hint
    .replaceAll(
      /\b([a-z]\w*): true\b/gi,
      (_, name: string) => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
    )
    .replaceAll(/\bas `(at|name|platform)`/g, 'as --$1')
    .replaceAll(/\blist\(\)/g, '`overlayfs list`');
}

const OF_MOUNTS: ReadonlySet<string> = new Set(['lower', 'data', 'upper', 'work', 'target']);

/** The path to be marked: one of a mount, and whole, since text of other bytes is the path of another file, if of any. */
function markablePath({ path, option }: Finding): Buffer | undefined {
  if (path === undefined || path === '' || !OF_MOUNTS.has(option ?? '') || path.includes('\ufffd'))
    return undefined;
  return Buffer.from(path);
}

/** The path of the cause with its wrong part marked, in two lines; none when it is about no path. */
export function markedLines(error: unknown): string[] {
  if (!(error instanceof OverlayError)) return [];
  const [cause] = error.findings;
  const path = markablePath(cause!);
  if (path === undefined) return [];
  const part = partOf(path, error.findings);
  // What is wrong with a mount point that is there is nothing of its path.
  if (cause!.option === 'target' && part.end - part.start === path.length) return [];
  return markedPath(path, part, plain).map((line) => `  ${line}`);
}

const plain = { paint: (text: string) => text };

/** Several lines: the sentence, the path with its wrong part marked, the code, the hint, what else was found, the call that failed, and the driver's words. */
export function failureText(error: unknown): string {
  const { message, code, hint, call } = describeFailure(error);
  const others = error instanceof OverlayError ? error.findings.slice(1) : [];
  const words = (error instanceof OverlayError && error.kernelLog) || [];
  return [
    `overlayfs: ${message}`,
    ...markedLines(error),
    ...(code === undefined ? [] : [`  code: ${code}`]),
    ...(hint === undefined ? [] : [`  hint: ${inFlags(hint)}`]),
    ...others.map(({ sentence }) => `  also: ${sentence}`),
    ...(call === undefined ? [] : [`  call: ${call}`]),
    ...words.map((line) => `  kernel log: ${line}`),
  ].join('\n');
}

/** One line, as the callers of mount(8) expect. */
export function failureLine(error: unknown): string {
  const { message, code, hint } = describeFailure(error);
  const about = [code, hint && inFlags(hint)].filter((part) => part !== undefined).join(': ');
  return `overlayfs: ${message}${about === '' ? '' : ` (${about})`}`.replaceAll(/\s*\n\s*/g, ' ');
}

// An error's name and message are no fields that JSON would take by itself.
function fieldsOf(error: Error): object {
  const { name, message } = error;
  return Object.assign({ name, message }, error);
}

function markedFindings(error: Error): object {
  if (!(error instanceof OverlayError)) return {};
  const { findings } = error;
  const marked = findings.map((finding) => {
    const path = markablePath(finding);
    return path === undefined ? finding : withPart(finding, path, findings);
  });
  return { findings: marked };
}

/** The whole error as JSON: `{ "error": { code, message, hint, option?, index?, path?, errno?, syscall?, findings, cause? } }`. */
export function failureJson(error: unknown): string {
  if (!(error instanceof Error)) return toJson({ error: { message: String(error) } });
  const { cause } = error;
  return toJson({
    error: {
      ...fieldsOf(error),
      ...markedFindings(error),
      ...(cause instanceof Error && { cause: fieldsOf(cause) }),
    },
  });
}

const PERMISSION: ReadonlySet<string> = new Set(['ERR_OVERLAY_NO_PRIVILEGE', 'EPERM', 'EACCES']);
const SYSTEM: ReadonlySet<string> = new Set(['ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN']);

/** What mount(8) and umount(8) exit with: 1 wrong words or permissions, 2 the system, 32 the mount failed. */
export function mountExitCode(error: unknown): number {
  if (error instanceof UsageError) return 1;
  const { code } = error as { code?: string };
  if (code !== undefined && PERMISSION.has(code)) return 1;
  const cause = error instanceof Error ? (error.cause as { code?: string } | undefined) : undefined;
  if (SYSTEM.has(cause?.code ?? code ?? '')) return 2;
  return error instanceof OverlayError || error instanceof KernelError ? 32 : 2;
}
