// apply: brings the changes of an upper down, wholly or not at all; and what finishes it after a crash.
import { CALLBACK, FLAG, readOptions, SIGNAL } from '../format/given.ts';
import type { LayerSource } from '../format/mount-spec.ts';
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { runAsync } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { BothViews } from './both-views.ts';
import { Journal, type JournalRecord, type Operation, unfinished } from './journal.ts';
import { perform } from './perform.ts';
import { obstaclesTo } from './permission.ts';
import {
  ApplyPlan,
  type ApplySource,
  PLAN_CHECKS,
  type PlanOptions,
  planApply,
  planOptionsOf,
} from './plan-apply.ts';
import { type StageOptions, Staging } from './stage.ts';
import { Target } from './target.ts';

/** How far it has come. */
export interface ApplyProgress {
  /** Steps that are done, the making ready of entries among them. */
  readonly done: number;
  readonly total: number;
  /** Of content that was copied, not counting what shares its blocks with the original. */
  readonly bytes: number;
}

export interface ApplyOptions extends PlanOptions {
  /** Overwrites where the target is not what the changes were made of. Default: false, and nothing is done. */
  readonly force?: boolean;
  /** Ends it as long as nothing was done to the target; from then on it is finished. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: ApplyProgress) => void;
}

const CHECKS = { ...PLAN_CHECKS, force: FLAG, signal: SIGNAL, onProgress: CALLBACK } as const;

/** @throws {OverlayError} those of wrong arguments */
export function readApplyOptions(given: unknown): ApplyOptions {
  return readOptions<ApplyOptions>(given, CHECKS);
}

function refuse(found: readonly Finding[], force: boolean | undefined): void {
  const [first, ...rest] = found;
  if (first !== undefined && force !== true) throw new OverlayError([first, ...rest]);
}

async function refuseUnfinished(target: Target): Promise<void> {
  const name = await unfinished(target);
  if (name === undefined) return;
  const path = target.at(name);
  const sentence = `earlier changes are applied to ${target.shown} in part: the rest waits in ${path}`;
  const hint = 'finish them with resumeApply(), or overlayfs apply --resume';
  throw new OverlayError([{ code: 'ERR_OVERLAY_APPLY_UNFINISHED', sentence, hint, path }]);
}

/** That of the merged view, or now, when entries of it come or go, or else what it was: the journal is made in it. */
function rootTimeOf(before: bigint, operations: readonly Operation[]): string {
  for (const operation of operations) {
    if (operation[0] === 'give' && operation[1] === '') return operation[2].mtime;
    if (operation[0] === 'time' && operation[1] === '') return operation[2];
  }
  const inRoot = operations.some((operation) => {
    if (operation[0] === 'take') return !operation[1].includes('/');
    return operation[0] === 'put' && !operation[3].includes('/');
  });
  return String(inRoot ? BigInt(Date.now()) * 1_000_000n : before);
}

async function perhapsAgain(plan: ApplyPlan, target: Target, options: ApplyOptions): Promise<ApplyPlan> {
  const parts = ApplyPlan.partsOf(plan);
  const changed = await parts.surroundings.changed(target);
  if (changed.length === 0) return plan;
  refuse(changed, options.force);
  return await planApply(parts.spec, parts.options);
}

/** Up to the mark: whatever fails here leaves the target as it was. */
async function decide(
  target: Target,
  journal: Journal,
  plan: ApplyPlan,
  rootTime: bigint,
  options: StageOptions,
): Promise<JournalRecord> {
  const { spec, steps, surroundings } = ApplyPlan.partsOf(plan);
  await using views = await BothViews.open(spec);
  const operations = await new Staging(views, target, journal, options).all(steps);
  refuse(await surroundings.changed(target), false);
  options.signal?.throwIfAborted();
  const record = { version: 1, operations, rootTime: rootTimeOf(rootTime, operations) } as const;
  try {
    await journal.commit(record);
  } catch (error) {
    throw target.failure(error, journal.name);
  }
  return record;
}

async function carryOut(target: Target, plan: ApplyPlan, options: ApplyOptions): Promise<void> {
  const { steps, frames } = ApplyPlan.partsOf(plan);
  const { signal, onProgress } = options;
  const total = 2 * steps.puts.length + steps.takes.length + steps.gives.length;
  let [done, bytes] = [0, 0];
  const tell = (steps: number, count: number) => {
    done += steps;
    bytes += count;
    onProgress?.({ done, total, bytes });
  };
  const onEntry = () => tell(1, 0);
  const onBytes = (count: number) => tell(0, count);
  refuse(await obstaclesTo(target, frames, steps), false);
  const { stat } = await runAsync(scanEntry(target.fd, '', { xattrs: [] }));
  using journal = await Journal.make(target);
  let record: JournalRecord;
  try {
    record = await decide(target, journal, plan, stat!.mtime, { signal, onEntry, onBytes });
  } catch (error) {
    // The mark may be there when it could not be made sure that it stays: then what it says has to be done.
    if ((await journal.stage()) === undefined) await journal.undo(target, stat!.mtime);
    throw error;
  }
  // What the caller's function throws is no reason to stop half-way.
  const thrown: unknown[] = [];
  await perform(target, journal, 'planned', record, () => {
    try {
      onEntry();
    } catch (error) {
      thrown.push(error);
    }
  });
  if (thrown.length > 0) throw thrown[0];
}

/**
 * Brings what an upper changes down to its lower, or to another directory that has what the lowers have: afterwards that
 * shows what the overlay showed. First everything is made ready beside it, in a directory `.overlayfs-apply-…` within it;
 * what fails there (no room, no rights, a conflict) leaves the target as it was. Then a mark is set, things are put in
 * their places by renaming, and the directory is removed. After a crash `resumeApply` finishes what has the mark; what has
 * none is removed by the next call.
 *
 * The overlay should not be mounted meanwhile. Afterwards the upper is of no use over that lower: what it renamed is not
 * found any more. A file that only got other attributes keeps its inode; all others are replaced.
 *
 * @param source what has the changes: layers, an overlay, or what its `changes()` gave; or a plan: then exactly what that
 *   says is done
 * @returns the plan that was carried out
 * @throws {OverlayError} ERR_OVERLAY_CONFLICT, with each in `findings`: the target is not what the changes were made of;
 *   ERR_OVERLAY_APPLY_LOCKED, ERR_OVERLAY_NO_ACCESS, ERR_OVERLAY_IMMUTABLE, ERR_OVERLAY_NO_SPACE and the like;
 *   ERR_OVERLAY_APPLY_UNFINISHED: it stopped half-way, or an earlier one did
 */
export async function apply(source: ApplySource | ApplyPlan, given?: ApplyOptions): Promise<ApplyPlan> {
  const options = readApplyOptions(given);
  options.signal?.throwIfAborted();
  const planned = source instanceof ApplyPlan ? source : await planApply(source, planOptionsOf(options));
  refuse(planned.conflicts, options.force);
  using target = await Target.open(ApplyPlan.partsOf(planned).to);
  await target.lock();
  await refuseUnfinished(target);
  const plan = await perhapsAgain(planned, target, options);
  if (plan.steps.length === 0 && ApplyPlan.partsOf(plan).steps.gives.length === 0) return plan;
  try {
    await carryOut(target, plan, options);
  } catch (error) {
    throw target.failure(error, '');
  }
  return plan;
}

/**
 * Finishes an `apply` that a crash or an error stopped half-way, and removes what one left that had not begun.
 *
 * @param to the directory that gets the changes
 * @returns whether there was something to finish
 * @throws {OverlayError} ERR_OVERLAY_APPLY_UNFINISHED: it stopped again
 */
export async function resumeApply(to: LayerSource): Promise<boolean> {
  using target = await Target.open(to);
  await target.lock();
  const name = await unfinished(target);
  if (name === undefined) return false;
  using journal = await Journal.open(target, name);
  const stage = (await journal.stage())!;
  await perform(target, journal, stage, await journal.read(stage));
  return true;
}
