// explain(): what would fail or do harm, found without mounting; the same rules that explain a mount that failed.

import { noDriver, noPrivilege } from '../diagnosis/caller-rules.ts';
import { lookAtDangers } from '../diagnosis/danger-facts.ts';
import { findDangers } from '../diagnosis/danger-rules.ts';
import { explainDirectories } from '../diagnosis/directory.ts';
import { lookAtMount, type MountFacts } from '../diagnosis/mount-facts.ts';
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { kernelClaim, lockHeld, tableClaim } from '../diagnosis/refused-claim.ts';
import { applyRules, type Rule } from '../diagnosis/rule.ts';
import { RULES } from '../diagnosis/rules.ts';
import { workHasData } from '../diagnosis/unfit-work.ts';
import { OWN_WORK_RULES } from '../diagnosis/work-rules.ts';
import type { MountSpec } from '../format/mount-spec.ts';
import { procPath, S_IFDIR } from '../kernel/constants.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { LiveUppers } from './live-uppers.ts';
import { type MountRequest, readSpec } from './spec.ts';
import type { Layer, Target } from './spec-paths.ts';

function* directoryFindings(directories: readonly (Layer | Target | undefined)[]): Routine<Finding[]> {
  return yield* explainDirectories(directories.filter((directory) => directory !== undefined));
}

/** Who has upper and work: the mount table, our locks, and the kernel, asked in the order of their cost. */
function* claimFindings(request: MountRequest, facts: MountFacts): Routine<Finding[]> {
  if (request.shareUpper) return [];
  const live = new LiveUppers();
  yield* live.refresh();
  for (const looked of [facts.upper, facts.work]) {
    if (looked === undefined || 'errno' in looked) continue;
    const { subject } = looked;
    const claimed = { ...subject, absolute: subject.absolute ?? procPath(subject.fd!) };
    const holder = live.holderOf(looked.identity);
    const error =
      holder !== undefined
        ? tableClaim(claimed, { option: holder.option, target: holder.overlay.target })
        : ((yield* lockHeld(claimed)) ?? (yield* kernelClaim(claimed)));
    if (error !== undefined) return [...error.findings];
  }
  return [];
}

// In the order in which a mount meets them: see lib/mount/claim.ts and plan-fsopen.ts.
function* findAll(request: MountRequest): Routine<Finding[]> {
  const { lower, data, upper, work, target, mkdir } = request;
  const facts = yield* lookAtMount(request);
  const seen = yield* lookAtDangers(request);
  const ruled = (rules: readonly Rule[]) => applyRules(rules, facts).map(({ finding }) => finding);
  const findings = mkdir ? [] : yield* directoryFindings([upper, work]);
  findings.push(...ruled(OWN_WORK_RULES));
  // What the kernel leaves there is a directory of mode 000.
  if (work && seen.leftover && !request.discardWork && seen.leftover.mode !== S_IFDIR) {
    findings.push(...workHasData(work).findings);
  }
  findings.push(...(yield* claimFindings(request, facts)));
  for (const finding of [noPrivilege(facts.caller), noDriver(facts.driver)]) {
    if (finding !== undefined) findings.push(finding);
  }
  findings.push(...(yield* directoryFindings([...lower, ...data])));
  findings.push(...ruled(RULES));
  if (!mkdir) findings.push(...(yield* directoryFindings([target])));
  findings.push(...findDangers(facts, seen));
  return findings.filter(
    (finding, i) =>
      findings.findIndex(
        ({ code, option, index }) =>
          code === finding.code && option === finding.option && index === finding.index,
      ) === i,
  );
}

function* explainRoutine(spec: unknown): Routine<Finding[]> {
  let request: MountRequest;
  try {
    request = readSpec(spec);
  } catch (error) {
    if (error instanceof OverlayError) return [...error.findings];
    throw error;
  }
  return yield* findAll(request);
}

/**
 * What would fail or be dangerous, the first cause first; `[]` when nothing is found. Mounts nothing that stays, makes
 * nothing. Takes some milliseconds: the kernel is asked whether upper and work are in use.
 */
export async function explain(spec: MountSpec): Promise<Finding[]> {
  return await runAsync(explainRoutine(spec));
}

/** {@link explain} without a promise. */
export function explainSync(spec: MountSpec): Finding[] {
  return runSync(explainRoutine(spec));
}
