// Uppers of volatile overlays: notes on one that it was, and refuses one whose mark lies in another work directory.
import { dirtyUpper } from '../diagnosis/guard-rules.ts';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { Directory } from '../diagnosis/subject.ts';
import { withDirectory } from '../diagnosis/upper-facts.ts';
import { lookForMarkedWork, volatileNote, volatileNoteName } from '../diagnosis/volatile-facts.ts';
import { dialectOf } from '../format/asked-options.ts';
import type { AnyOverlayOptions } from '../format/mount-spec.ts';
import type { Parameter } from '../format/options.ts';
import { call } from '../kernel/call.ts';
import { O_PATH } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { userNamespace } from '../kernel/user-namespace.ts';
import type { Made } from './made.ts';
import type { MountRequest } from './spec.ts';

function isVolatile({ key, value }: Parameter): boolean {
  return key === 'volatile' || (key === 'fsync' && value === 'volatile');
}

/**
 * Notes on the upper of a volatile overlay that it is one. What is written to it later comes to the disk after the note, as
 * after the driver's own mark. A filesystem without attributes gets none.
 */
export function* noteVolatile({ parameters }: MountRequest, { claims }: Made): Routine<void> {
  const [upper] = claims;
  if (upper === undefined || !parameters.some(isVolatile)) return;
  try {
    yield* call('setxattr', upper, volatileNoteName(dialectOf(parameters)), yield* volatileNote(false), 0);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
}

/**
 * Notes that the volatile overlay with this upper was unmounted: until the machine goes down what was written is whole. A
 * note of something else stays.
 */
export function* noteEnded(upper: Directory, options: AnyOverlayOptions): Routine<void> {
  if (options.volatile !== true) return;
  const name = volatileNoteName(options.userxattr === true ? 'user' : 'trusted');
  yield* withDirectory(upper, '.', O_PATH, function* (fd) {
    const noted = yield* call('getxattr', fd, name);
    if (noted.equals(yield* volatileNote(false)))
      yield* call('setxattr', fd, name, yield* volatileNote(true), 0);
  });
}

/**
 * The error for a mount that was made over an upper of a volatile overlay, which nothing but a work directory beside it
 * tells. Looked for when the mount has said that the upper was used before, with another work directory, so that others
 * pay nothing.
 */
export function* markedBeside(request: MountRequest, made: Made): Routine<OverlayError | undefined> {
  if (!made.usedElsewhere || request.upper === undefined) return undefined;
  const [upper, work] = made.claims.map((fd) => ({ option: 'layer', fd }));
  const namespace = request.rootless === true ? yield* userNamespace() : undefined;
  const trace = yield* lookForMarkedWork(upper!, work, namespace);
  if (trace === undefined) return undefined;
  return new OverlayError([{ code: 'ERR_OVERLAY_DIRTY_UPPER', ...dirtyUpper(request.upper, trace) }]);
}
