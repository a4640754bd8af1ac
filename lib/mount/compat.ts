// The mount(2) way of the ladder: for kernels and filters without the new mount API.
import { close } from '../kernel/call.ts';
import { AT_FDCWD, O_DIRECTORY, O_PATH, procPath } from '../kernel/constants.ts';
import { KEEP } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addClaims, requireOpen } from './claim.ts';
import {
  emptyLowerDirectory,
  needsEmptyLower,
  removeEmptyDirectory,
  removeEmptyLower,
} from './empty-lower.ts';
import { type Foothold, makeFoothold } from './foothold.ts';
import { collect, type Made, runGuarded } from './made.ts';
import { Plan } from './plan.ts';
import { sizeOf, textOf } from './plan-fsopen.ts';
import { addGuards, type SeenUppers } from './plan-guards.ts';
import { MOUNT_DATA_LIMIT, mountData, planMount } from './plan-mount.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';

// Two of these leave room for as many lowers as descriptors may be open.
const LONG = 256;

// Opens every layer given by path, so that the option text holds short names.
function* openLayers(request: MountRequest): Routine<{ request: MountRequest; fds: number[] }> {
  const plan = new Plan();
  requireOpen(plan, request);
  const numbered = (layer: Layer): (() => Layer) => {
    if (layer.absolute === undefined) return () => layer;
    const step = plan.about(layer).add('openat', KEEP, AT_FDCWD, layer.absolute, O_PATH | O_DIRECTORY, 0);
    return () => {
      const fd = plan.program.value(step);
      fds.push(fd);
      return { ...layer, absolute: procPath(fd) };
    };
  };
  const fds: number[] = [];
  const lower = request.lower.map(numbered);
  const data = request.data.map(numbered);
  // Their names are kept where they fit, since the mount table shows them.
  const [upper, work] = [request.upper, request.work].map((layer) =>
    layer !== undefined && sizeOf(textOf(layer)) > LONG ? numbered(layer) : () => layer,
  );
  yield* runGuarded(plan, request);
  const opened = { lower: lower.map((get) => get()), data: data.map((get) => get()) };
  return { request: { ...request, ...opened, upper: upper!(), work: work!() }, fds };
}

function* mountOnce(request: MountRequest, seen: SeenUppers, foothold: Foothold | undefined): Routine<Made> {
  const empty = needsEmptyLower(request) ? yield* emptyLowerDirectory() : undefined;
  try {
    const lowers = empty === undefined ? request.lower : [...request.lower, emptyLayer(empty.path)];
    const data = mountData(request, lowers);
    if (data.length > MOUNT_DATA_LIMIT) refuseLong(request, data.length);
    const plan = new Plan();
    addGuards(plan, request, addClaims(plan, request), seen);
    planMount(plan, request, data, foothold);
    yield* runGuarded(plan, request, foothold?.path);
    return detachedResult(plan, request);
  } finally {
    if (empty !== undefined) yield* removeEmptyLower(empty);
  }
}

function emptyLayer(path: string): Layer {
  return { option: 'lower', path, absolute: path };
}

/** What a plan of mount(2) gave, and the better one of its two descriptors. */
export function detachedResult(plan: Plan, request: MountRequest): Made {
  if (request.target !== undefined) return collect(plan, 'mount', true, undefined);
  const original = plan.program.value(plan.mount!);
  const clone = plan.program.value(plan.clone!);
  if (clone < 0) return collect(plan, 'mount', false, original);
  close(original);
  return collect(plan, 'mount', true, clone);
}

/** @throws {OverlayError} ERR_OVERLAY_TOO_LONG */
export function refuseLong(request: MountRequest, size: number): never {
  return refuse(
    'ERR_OVERLAY_TOO_LONG',
    { option: 'lower' },
    `${request.lower.length + request.data.length} layers make an option text of ${size} bytes even as descriptor ` +
      `numbers, and mount(2) takes ${MOUNT_DATA_LIMIT}`,
    'use fewer layers, or a kernel with lowerdir+ (Linux 6.8)',
  );
}

/** @param numbers whether layers are named by descriptor, for option texts longer than a page */
export function* compatMount(request: MountRequest, numbers: boolean, seen: SeenUppers): Routine<Made> {
  const opened = numbers ? yield* openLayers(request) : { request, fds: [] };
  const foothold = request.target === undefined ? yield* makeFoothold() : undefined;
  try {
    return yield* mountOnce(opened.request, seen, foothold);
  } finally {
    for (const fd of opened.fds) close(fd);
    if (foothold !== undefined) yield* removeEmptyDirectory(foothold.path);
  }
}
