// What becomes of the changes of several views: planned and applied one after the other.
import { type ApplyOptions, apply } from '../change/apply.ts';
import { type ApplyPlan, type PlanOptions, planApply } from '../change/plan-apply.ts';
import { OverlayError } from '../format/overlay-error.ts';
import type { Change } from '../layer/change.ts';
import { viewChanges } from './view-changes.ts';
import type { View } from './views.ts';

export { readApplyOptions } from '../change/apply.ts';
export { planOptionsOf, readPlanOptions } from '../change/plan-apply.ts';

// The root of a view without root belongs to this user, whoever has that of the lower: it is left alone, unless it was
// changed.
function partOf({ overlay }: View, changes: readonly Change[]): PlanOptions {
  return overlay.hasOwnerOfLower || changes.some(({ path }) => path === '.') ? {} : { paths: ['*'] };
}

/** A plan a view that something was changed in. */
export async function plansFor(views: readonly View[], options: PlanOptions): Promise<ApplyPlan[]> {
  const plans: ApplyPlan[] = [];
  for (const view of views) {
    const changes = await viewChanges([{ ...view, place: '' }]);
    if (changes.length === 0) continue;
    const plan = await planApply(view.overlay.layers, { ...partOf(view, changes), ...options });
    if (plan.steps.length > 0) plans.push(plan);
  }
  return plans;
}

/** Nothing is done when one of them has a conflict, or cannot be done. */
export async function applyAll(plans: readonly ApplyPlan[], options: ApplyOptions): Promise<ApplyPlan[]> {
  const conflicts = options.force === true ? [] : plans.flatMap((plan) => plan.conflicts);
  const [first, ...rest] = [...conflicts, ...plans.flatMap(({ obstacles }) => obstacles)];
  if (first !== undefined) throw new OverlayError([first, ...rest]);
  const done: ApplyPlan[] = [];
  for (const plan of plans) done.push(await apply(plan, options));
  return done;
}
