// From the failed call of a mount to the error that says what is wrong: only what a look at the machine confirmed.
import { EBUSY, ENODEV, EPERM } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { explainDirectories } from './directory.ts';
import { nearestInUse } from './in-use.ts';
import { type AskedMount, lookAtMount } from './mount-facts.ts';
import { type Finding, OverlayError, shown } from './overlay-error.ts';
import { explainDriver, explainPrivilege } from './privilege.ts';
import { applyRules } from './rule.ts';
import { RULES } from './rules.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';

/** What the failed mount was made of. */
export interface FailedMount {
  /** All directories, in the order in which the kernel looks at them. */
  readonly directories: readonly Directory[];
  /** What the failed step was about. */
  readonly subject: Subject | undefined;
  /** The whole of it, where a whole mount failed and not one directory. */
  readonly asked?: AskedMount;
}

function* directoryFinding(failed: FailedMount): Routine<Finding | undefined> {
  const { directories, subject } = failed;
  // The failed step names its directory; mount(2) is one step for all of them.
  const suspects = directories.filter(
    (dir) => subject === undefined || subject.option === 'target' || subject === dir,
  );
  return (yield* explainDirectories(suspects))[0];
}

function* inUseFinding(failed: FailedMount): Routine<Finding | undefined> {
  for (const dir of failed.directories) {
    if (dir.option === 'target' || dir.absolute === undefined) continue;
    const used = yield* nearestInUse(dir.absolute);
    if (used === undefined) continue;
    return {
      code: 'ERR_OVERLAY_IN_USE',
      sentence: `${subjectText(dir)}: the kernel says that ${JSON.stringify(shown(used))} is the upper or work of a live overlay`,
      hint: 'unmount that overlay first, or use another directory',
      ...placeOf(dir),
    };
  }
  return undefined;
}

function unexplained(error: KernelError, failed: FailedMount): Finding {
  const what = failed.subject === undefined ? '' : ` (about ${subjectText(failed.subject)})`;
  const checked = `. Looked at and found in order: ${CHECKED}`;
  return {
    code: 'ERR_OVERLAY_UNEXPLAINED',
    sentence: `the kernel refused the mount${what}: ${error.message}${checked}`,
    hint: 'read the end of the kernel log (dmesg), where the overlay driver may say more',
    ...(failed.subject === undefined ? {} : placeOf(failed.subject)),
  };
}

const CHECKED = [
  'that each directory exists and is one',
  'that it is not in use',
  ...new Set(RULES.map(({ code }) => code)),
].join(', ');

// Where one directory failed before there was a mount to speak of.
function askedOf({ directories }: FailedMount): AskedMount {
  const only = (wanted: string) => directories.filter(({ option }) => option === wanted);
  const [lower, data] = [only('lower'), only('data')];
  const [upper, work, target] = ['upper', 'work', 'target'].map((option) => only(option)[0]);
  return { lower, data, upper, work, target, parameters: [] };
}

/** What the rules find that answers with this errno. */
function* ruleFindings(error: KernelError, asked: AskedMount): Routine<Finding[]> {
  const facts = yield* lookAtMount(asked);
  return applyRules(RULES, facts)
    .filter(({ errnos }) => errnos.includes(-error.errno))
    .map(({ finding }) => finding);
}

/** The error for a failed mount. The call itself is its `cause`. */
export function* explainMountFailure(error: KernelError, failed: FailedMount): Routine<OverlayError> {
  const findings: Finding[] = [];
  const add = (finding: Finding | undefined) => {
    if (finding !== undefined) findings.push(finding);
  };
  if (error.errno === -EPERM && failed.asked?.rootless !== true) add(yield* explainPrivilege());
  if (error.errno === -ENODEV) add(yield* explainDriver());
  if (findings.length === 0) add(yield* directoryFinding(failed));
  if (findings.length === 0 && error.errno === -EBUSY) add(yield* inUseFinding(failed));
  if (findings.length === 0) {
    findings.push(...(yield* ruleFindings(error, failed.asked ?? askedOf(failed))));
  }
  const [first, ...rest] = findings;
  return new OverlayError(first === undefined ? [unexplained(error, failed)] : [first, ...rest], error);
}

/** A call about one directory, its failure explained. */
export function* explaining<T>(directory: Directory, attempt: Routine<T>): Routine<T> {
  try {
    return yield* attempt;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw yield* explainMountFailure(error, { directories: [directory], subject: directory });
  }
}
