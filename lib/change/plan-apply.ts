// planApply: what would be done to bring the changes of an upper down to its lower, or to another directory.
import { CHECKED_LATER, type Check, fieldOf, hasFields, readOptions, wrongType } from '../format/given.ts';
import type { LayerSource } from '../format/mount-spec.ts';
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, STATX_INO } from '../kernel/constants.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { identityOf } from '../kernel/stat.ts';
import type { Change } from '../layer/change.ts';
import { sourceOf } from '../layer/changes-source.ts';
import { readStackSpec, type StackSpec } from '../layer/stack-spec.ts';
import { checkTreeRoot, openTreeRoot } from '../layer/tree-root.ts';
import { BothViews } from './both-views.ts';
import { UpperEntries } from './copied-up.ts';
import { keyOf, pathOf } from './entry-key.ts';
import type { Frames } from './frames.ts';
import { obstaclesTo } from './permission.ts';
import { type PlanStep, planText } from './plan-text.ts';
import { Planner } from './planner.ts';
import { selectChanges } from './selection.ts';
import type { Steps } from './steps.ts';
import { Surroundings } from './surroundings.ts';
import { Target } from './target.ts';
import { vanished } from './vanished.ts';

export interface PlanOptions {
  /** The directory that gets the changes. Default: the lower, when there is one; with several it has to be named. */
  readonly to?: LayerSource;
  /**
   * Which changes: patterns as of glob(7), and `**` for any number of directories, from the root of the tree. A directory
   * stands for all that is in it. What a change cannot do without comes with it: directories that it is in, when they are
   * new or renamed, and the old name of what is renamed. Default: all.
   */
  readonly paths?: readonly string[];
}

/** What a plan was made of, for `apply`. */
export interface PlanParts {
  readonly spec: StackSpec;
  readonly to: LayerSource;
  readonly options: PlanOptions;
  readonly steps: Steps;
  readonly frames: Frames;
  readonly surroundings: Surroundings;
}

export class ApplyPlan {
  /** The directory that gets the changes, as it was named. */
  readonly to: string;
  /** Deletions first; printed by `String(plan)`. */
  readonly steps: readonly PlanStep[];
  /** Where the target is not what the changes were made of; with any, `apply` needs `force`. */
  readonly conflicts: readonly Finding[];
  /** What this user may not do there, or nobody: with any, `apply` does nothing, also with `force`. */
  readonly obstacles: readonly Finding[];
  /** How much content is to be copied, at most, in bytes. */
  readonly bytes: number;
  readonly #parts: PlanParts;

  constructor(
    to: string,
    steps: readonly PlanStep[],
    obstacles: readonly Finding[],
    bytes: number,
    parts: PlanParts,
  ) {
    this.to = to;
    this.steps = steps;
    this.conflicts = parts.surroundings.conflicts;
    this.obstacles = obstacles;
    this.bytes = bytes;
    this.#parts = parts;
  }

  /** For `apply`. */
  static partsOf(plan: ApplyPlan): PlanParts {
    return plan.#parts;
  }

  toString(): string {
    return planText(this);
  }
}

/** @throws {OverlayError} ERR_OVERLAY_INVALID_TYPE, and why the overlay cannot be read */
function layersOf(given: ApplySource): StackSpec {
  const source = sourceOf(given);
  if (source?.layers !== undefined) return readStackSpec(source.layers());
  if (source !== undefined || Array.isArray(given) || hasFields(given, Symbol.asyncIterator))
    return wrongType(
      'changes',
      'what changes() of a stack or an overlay gives (to choose of them, pass `paths`)',
      given,
    );
  for (const name of ['layers', 'spec'] as const)
    if (hasFields(given, name)) return readStackSpec(fieldOf(given, name));
  return readStackSpec(given);
}

function targetOf({ lower }: StackSpec, { to }: PlanOptions): LayerSource {
  if (to !== undefined) return to;
  const lowers = lower as readonly LayerSource[];
  if (lowers.length === 1) return lowers[0]!;
  const sentence = `there are ${lowers.length} lowers, and the changes are against all of them together`;
  const hint = 'name the directory that gets them, as `to`';
  throw new OverlayError([{ code: 'ERR_OVERLAY_NO_APPLY_TARGET', sentence, hint, option: 'to' }]);
}

// What is applied to itself would be read while it is replaced.
function* refuseUpper(upper: LayerSource, { fd, shown: path }: Target): Routine<void> {
  const root = yield* openTreeRoot(upper);
  try {
    const identity = (of: number) => call('statx', of, '', AT_EMPTY_PATH, STATX_INO);
    if (!identityOf(yield* identity(root.fd)).equals(identityOf(yield* identity(fd)))) return;
    const sentence = `${path} is the upper itself: its changes cannot be applied to it`;
    const hint = 'name another directory: the lower, or one that has what the lowers have';
    throw new OverlayError([{ code: 'ERR_OVERLAY_LAYERS_OVERLAP', sentence, hint, option: 'to', path }]);
  } finally {
    close(root.fd);
  }
}

const PATTERNS: Check = {
  expected: "an array of patterns that are not empty, as ['etc/**', '*.conf']",
  // An empty one is a variable that nobody has set, and no wish for all.
  passes: (paths) =>
    Array.isArray(paths) && paths.every((pattern) => typeof pattern === 'string' && pattern !== ''),
};

/**
 * Layers with an upper; an overlay, as `scratch` and `mount` give it; or what its `changes()` gives, or that of a stack,
 * also when it was awaited.
 */
export type ApplySource =
  | StackSpec
  | { readonly layers: StackSpec }
  | { readonly spec: StackSpec }
  | AsyncIterable<Change>
  | readonly Change[];

export const PLAN_CHECKS: { readonly [K in keyof PlanOptions]-?: Check } = {
  to: CHECKED_LATER,
  paths: PATTERNS,
};

function shownSteps({ takes, puts, gives }: Steps): PlanStep[] {
  const leaders = new Map(puts.map(({ id, path }) => [id, path]));
  const removed = takes
    .filter(({ kept }) => !kept)
    .map(({ place, type }) => ({ action: 'remove', path: pathOf(place), type }) as const);
  const made = puts.map(({ path, type, how, from, leader, over }): PlanStep => {
    const replaces = over ? ({ replaces: true } as const) : {};
    const step = { path: pathOf(path), type, ...replaces };
    if (how === 'taken') return { ...step, action: 'move', from: pathOf(from!) };
    if (how === 'linked') return { ...step, action: 'link', from: pathOf(leaders.get(leader!)!) };
    return { ...step, action: type === 'directory' ? 'make' : 'write' };
  });
  const set = gives
    .filter(({ silent }) => !silent)
    .map(({ path, type }) => ({ action: 'set', path: pathOf(path), type }) as const);
  return [...removed, ...made, ...set];
}

async function bytesOf(views: BothViews, { puts }: Steps): Promise<number> {
  let sum = 0;
  for (const { type, how, path } of puts)
    if (type === 'file' && how === 'copied') sum += (await views.now(path)).size;
  return sum;
}

/** @throws {OverlayError} those of wrong arguments */
export function readPlanOptions(given: unknown): PlanOptions {
  return readOptions<PlanOptions>(given, PLAN_CHECKS);
}

/** Those of a plan, among others. */
export function planOptionsOf({ to, paths }: PlanOptions): PlanOptions {
  return { ...(to !== undefined && { to }), ...(paths !== undefined && { paths }) };
}

/**
 * Plans to bring what an upper changes down to its lower, or to another directory that has what the lowers have. Nothing
 * is changed. The overlay should not be written to meanwhile. A MountSpec fits as layers. Changes are looked for anew: a
 * list of them stands for the layers that it was made of.
 *
 * @throws {OverlayError} for layers that cannot be read, damaged entries among them, and for the target
 */
export async function planApply(source: ApplySource, given?: PlanOptions): Promise<ApplyPlan> {
  const options = readPlanOptions(given);
  const spec = layersOf(source);
  const to = targetOf(spec, options);
  if (options.to !== undefined) checkTreeRoot(to, 'to');
  await using views = await BothViews.open(spec);
  using target = await Target.open(to);
  if (spec.upper !== undefined) await runAsync(refuseUpper(spec.upper, target));
  const changes = await views.changes();
  const selected = selectChanges(changes, options.paths);
  // Another directory may have been made later.
  using upper = options.to === undefined ? await UpperEntries.open(spec, target.fd) : undefined;
  const since = upper && (spec.since ?? upper.since);
  const surroundings = new Surroundings(target, since);
  const planner = new Planner(views, surroundings);
  const steps = await planner.steps(selected, selected.length === changes.length);
  for (const { path, from, what } of selected) {
    const key = keyOf(path);
    const place = planner.frames.placeOf(key);
    // Where nobody knows when the upper was begun, the copy itself says when its original was read.
    const copied = since === undefined && what.length > 0 ? await upper?.copiedUp(key) : undefined;
    if (place !== undefined) await surroundings.compare(views, place, copied?.at);
    if (from !== undefined) await surroundings.compare(views, keyOf(from), copied?.at);
  }
  if (upper !== undefined) {
    const { frames } = planner;
    for (const path of await vanished(upper, views, { changes, selected, frames })) surroundings.gone(path);
  }
  for (const { place, type, kept } of steps.takes)
    if (type === 'directory' && !kept) await surroundings.compareContent(views, place);
  const parts = { spec, to, options, steps, frames: planner.frames, surroundings };
  const obstacles = await obstaclesTo(target, planner.frames, steps);
  return new ApplyPlan(target.shown, shownSteps(steps), obstacles, await bytesOf(views, steps), parts);
}
