// Whether an attached mount is what was asked for: the kernel drops some options with no more than a line in its log.
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { subjectText } from '../diagnosis/subject.ts';
import type { AnyOverlayOptions } from '../format/mount-spec.ts';
import { call } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD } from '../kernel/constants.ts';
import { EOPNOTSUPP } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { readOverlays } from '../kernel/mount-table.ts';
import type { Routine } from '../kernel/routine.ts';
import { mountIdNumber } from '../kernel/stat.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

interface Droppable {
  readonly name: 'index' | 'nfsExport' | 'metacopy' | 'redirectDir' | 'volatile';
  readonly wanted: true | 'on';
  /** What `Y` in /sys/module/overlay/parameters makes the default, which the mount table then does not show. */
  readonly parameter?: string;
}

const DROPPABLE: readonly Droppable[] = [
  { name: 'index', wanted: true, parameter: 'index' },
  { name: 'nfsExport', wanted: true, parameter: 'nfs_export' },
  { name: 'metacopy', wanted: true, parameter: 'metacopy' },
  { name: 'redirectDir', wanted: 'on', parameter: 'redirect_dir' },
  { name: 'volatile', wanted: true },
];

function* isDefault(parameter: string | undefined): Routine<boolean> {
  if (parameter === undefined) return false;
  const text = yield* readIfPossible(`/sys/module/overlay/parameters/${parameter}`);
  return text?.toString().trim() === 'Y';
}

function* hasNoHandles(layer: Layer): Routine<boolean> {
  const { fd, absolute } = layer;
  try {
    yield* call('name_to_handle_at', fd ?? AT_FDCWD, absolute ?? '', fd === undefined ? 0 : AT_EMPTY_PATH);
    return false;
  } catch (error) {
    return error instanceof KernelError && error.errno === -EOPNOTSUPP;
  }
}

// index and nfs_export need file handles of every layer; the other reasons are in the kernel log alone.
function* reason(request: MountRequest, name: Droppable['name']): Routine<string> {
  if (name !== 'index' && name !== 'nfsExport') return '; why is in the kernel log alone (dmesg)';
  for (const layer of [...request.lower, ...request.data, request.upper]) {
    if (layer !== undefined && (yield* hasNoHandles(layer))) {
      return `: the filesystem of ${subjectText(layer)} has no file handles`;
    }
  }
  return '; why is in the kernel log alone (dmesg)';
}

function* shownOptions(id: Buffer): Routine<AnyOverlayOptions | undefined> {
  try {
    return (yield* readOverlays([mountIdNumber(id)]))[0]?.overlay.options;
  } catch (error) {
    // Kernels before 6.11 do not tell of one mount; reading all of mountinfo would cost more than the mount.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** An error for the first option that was asked for and is not in force; undefined when all are, or nobody can tell. */
export function* droppedOption(request: MountRequest, id: Buffer): Routine<OverlayError | undefined> {
  const options = (request.given.options ?? {}) as AnyOverlayOptions;
  const asked = DROPPABLE.filter(({ name, wanted }) => options[name] === wanted);
  if (asked.length === 0 || request.target === undefined) return undefined;
  const shown = yield* shownOptions(id);
  if (shown === undefined) return undefined;
  for (const { name, wanted, parameter } of asked) {
    if (shown[name] === wanted || (yield* isDefault(parameter))) continue;
    const finding: Finding = {
      code: 'ERR_OVERLAY_OPTION_DROPPED',
      sentence: `the kernel mounted without ${name}: ${JSON.stringify(wanted)}${yield* reason(request, name)}`,
      hint: `leave ${name} out, or use layers that allow it: features(dir) tells`,
      option: name,
    };
    return new OverlayError([finding]);
  }
  return undefined;
}
