// All that is wrong or dangerous about a mount, in the order in which a mount meets it: for explain(), and for a guard that
// refused, which names no culprit.

import { noDriver, noPrivilege } from '../diagnosis/caller-rules.ts';
import { lookAtDangers } from '../diagnosis/danger-facts.ts';
import { findDangers } from '../diagnosis/danger-rules.ts';
import { explainDirectories } from '../diagnosis/directory.ts';
import { type LiveSource, lookAtGuarded } from '../diagnosis/guard-facts.ts';
import { findGuarded, GUARD_CODES } from '../diagnosis/guard-rules.ts';
import { explainMaking } from '../diagnosis/making.ts';
import {
  isThere,
  lookAround,
  lookAtMount,
  type MountFacts,
  type Surroundings,
} from '../diagnosis/mount-facts.ts';
import { OPTION_RULES } from '../diagnosis/option-rules.ts';
import { type Finding, OverlayError } from '../diagnosis/overlay-error.ts';
import { kernelClaim, lockedClaim, lockHeld, upperIsWork, useOf } from '../diagnosis/refused-claim.ts';
import { applyRules, type Rule } from '../diagnosis/rule.ts';
import { RULES } from '../diagnosis/rules.ts';
import { findShared } from '../diagnosis/shared-layers.ts';
import { silentFinding } from '../diagnosis/silent-places.ts';
import { workHasData } from '../diagnosis/unfit-work.ts';
import { UPPER_RULES } from '../diagnosis/upper-rules.ts';
import { OWN_WORK_RULES } from '../diagnosis/work-rules.ts';
import { S_IFDIR } from '../kernel/constants.ts';
import type { Routine } from '../kernel/routine.ts';
import { detachedDirectories } from './detached-uppers.ts';
import type { LiveUppers } from './live-uppers.ts';
import { type FailedStep, pathed } from './made.ts';
import type { MountRequest } from './spec.ts';
import type { Layer, Target } from './spec-paths.ts';

const IN_USE = useOf({ option: 'upper' }).code;

function* directoryFindings(directories: readonly (Layer | Target | undefined)[]): Routine<Finding[]> {
  const given = directories.filter((directory) => directory !== undefined);
  return (yield* explainDirectories(given)).map(({ finding }) => finding);
}

function* makingFindings(directories: readonly (Layer | Target | undefined)[]): Routine<Finding[]> {
  const findings: Finding[] = [];
  for (const directory of directories) {
    const finding = directory && (yield* explainMaking(directory));
    if (finding !== undefined) findings.push(finding);
  }
  return findings;
}

// A target that is a file is found out at the end, by mount(2) too.
function* targetFindings(target: Target | undefined): Routine<Finding[]> {
  return (yield* directoryFindings([target])).filter(({ code }) => code !== 'ERR_OVERLAY_NOT_DIRECTORY');
}

/** Who else has directories of it: locks, then the kernel, in the order of their cost. */
function* claimFindings(request: MountRequest, facts: MountFacts): Routine<Finding[]> {
  // With an index the kernel refuses it whatever the caller insists on.
  const indexed = facts.upperFacts.remembered.compared;
  const written = request.shareUpper && !indexed ? [] : [facts.upper, facts.work].filter(isThere);
  for (const { subject } of request.shareUpper ? [] : written) {
    const held = yield* lockHeld(pathed(subject as Layer));
    if (held !== undefined) return [...held.findings];
  }
  const asked = indexed || (!request.shareLower && request.guard === 'kernel');
  const read = asked ? [...facts.lower, ...facts.data] : [];
  const error = yield* kernelClaim([...written, ...read.filter(isThere)].map(({ subject }) => subject));
  return error === undefined ? [] : [...error.findings];
}

/** Gives a directory back that answers. */
function answeringOf({ silent }: Surroundings) {
  return <T extends Layer | Target>(directory: T | undefined): T | undefined =>
    silent.some((place) => place.directory === directory) ? undefined : directory;
}

/** What the guards refuse, whom the mount table or this thread's detached overlays tell of. */
function* guardFindings(
  request: MountRequest,
  facts: MountFacts,
  live: LiveUppers,
): Routine<{ readonly refused: Finding[]; readonly shared: Finding[] }> {
  const asked = !facts.silent.some(({ directory }) => directory === request.work);
  const upper = asked && isThere(facts.upper) ? request.upper : undefined;
  const listed = live.uppers.map(({ option, path, overlay }): LiveSource => {
    return { option, absolute: path, target: overlay.target };
  });
  const seen = yield* lookAtGuarded(
    { ...request, upper },
    [...listed, ...detachedDirectories()],
    facts.mounts,
    live.lowers.map(({ identity, path, overlay: { target } }) => ({ identity, path, target })),
  );
  return { refused: findGuarded(facts, seen, request), shared: findShared(facts, seen) };
}

/**
 * All findings, the first cause first: what the kernel or a lock refuses, then what the guards do, then mere dangers.
 *
 * @param ask whether the kernel, too, is asked who has upper and work, which takes a millisecond or more
 */
export function* findAll(request: MountRequest, live: LiveUppers, ask: boolean): Routine<Finding[]> {
  const { lower, data, upper, work, target, mkdir } = request;
  const around = yield* lookAround([...lower, ...data, upper, work, target]);
  const open = answeringOf(around);
  const facts = yield* lookAtMount(request, around);
  const seen = yield* lookAtDangers({
    ...request,
    upper: open(upper),
    work: open(work),
    target: open(target),
  });
  yield* live.refresh();
  const { refused: guarded, shared } = yield* guardFindings(request, facts, live);
  const ruled = (rules: readonly Rule[]) => applyRules(rules, facts).map(({ finding }) => finding);
  const findings = yield* (mkdir ? makingFindings : directoryFindings)([open(upper), open(work)]);
  // All are made before anything else.
  if (mkdir) findings.push(...(yield* makingFindings([open(target)])));
  findings.push(...ruled(OWN_WORK_RULES));
  // What the kernel leaves there is a directory of mode 000.
  if (work && seen.leftover && !request.discardWork && seen.leftover.mode !== S_IFDIR) {
    findings.push(...workHasData(work).findings);
  }
  // Our own lock notices it, before the kernel is asked for anything.
  findings.push(...ruled(UPPER_RULES.filter(({ code }) => code === 'ERR_OVERLAY_UPPER_IS_WORK')));
  const claims = guarded.filter(({ code }) => code === IN_USE);
  // Who it is says more than that it is.
  findings.push(...(claims.length > 0 || !ask ? claims : yield* claimFindings(request, facts)));
  // mount(2) looks for its target before anything else.
  if (!mkdir && request.via === 'mount') findings.push(...(yield* targetFindings(open(target))));
  for (const finding of [noPrivilege(facts.caller), noDriver(facts.driver)]) {
    if (finding !== undefined) findings.push(finding);
  }
  findings.push(...ruled(OPTION_RULES));
  findings.push(...(yield* directoryFindings([...lower, ...data].map(open))));
  findings.push(...ruled(RULES));
  if (!mkdir) findings.push(...(yield* directoryFindings([open(target)])));
  findings.push(...around.silent.map(silentFinding), ...guarded, ...shared, ...findDangers(facts, seen));
  return findings.filter(
    (finding, i) =>
      findings.findIndex(
        ({ code, option, index }) =>
          code === finding.code && option === finding.option && index === finding.index,
      ) === i,
  );
}

/** Throws what a guard refused; nothing when a closer look finds that it had no reason. */
export function* refuseGuarded(request: MountRequest, live: LiveUppers): Routine<void> {
  const found = yield* findAll(request, live, false);
  if (!found.some(({ code }) => GUARD_CODES.has(code))) return;
  // The mark that the kernel looks for is there: it answers itself.
  if (found[0]!.code === 'ERR_OVERLAY_INCOMPATIBLE_WORK') return;
  const [first, ...rest] = found;
  throw new OverlayError([first!, ...rest]);
}

/** The error for an upper or work whose lock somebody has, which does not say who: the mount table is asked first. */
export function* refuseLocked(
  { error, subject }: FailedStep,
  request: MountRequest,
  live: LiveUppers,
): Routine<OverlayError> {
  const twice = yield* upperIsWork(pathed(request.upper!), pathed(request.work!));
  if (twice !== undefined) return twice;
  yield* live.refresh();
  const { lower, data, upper, work, target } = request;
  const around = yield* lookAround([...lower, ...data, upper, work, target]);
  const facts = yield* lookAtMount(request, around);
  const { refused } = yield* guardFindings(request, facts, live);
  const [first, ...rest] = refused.filter(({ code }) => code === IN_USE);
  return first === undefined
    ? yield* lockedClaim(pathed(subject!), error)
    : new OverlayError([first, ...rest], error);
}
