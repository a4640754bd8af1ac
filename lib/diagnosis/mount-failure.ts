// From the failed call of a mount to the error that says what is wrong: only what a look at the machine confirmed.
import { EBUSY, EINVAL, ENODEV, EPERM } from '../kernel/errno.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { checkedText, wordsText } from './checked.ts';
import { tooManyOpenFiles } from './descriptor-limit.ts';
import { explainDirectories } from './directory.ts';
import { firstInUse } from './in-use.ts';
import { type DriverWords, type Heard, wordsOf } from './kernel-log.ts';
import { explainMaking } from './making.ts';
import {
  type AskedMount,
  lookAround,
  lookAtMount,
  type MountFacts,
  type Surroundings,
} from './mount-facts.ts';
import { findRefusedOptions } from './option-facts.ts';
import { type Finding, OverlayError } from './overlay-error.ts';
import { explainDriver, explainPrivilege } from './privilege.ts';
import { usedText, useOf } from './refused-claim.ts';
import { applyRules } from './rule.ts';
import { RULES } from './rules.ts';
import { answering, silentFinding } from './silent-places.ts';
import { type Directory, placeOf, type Subject, subjectText } from './subject.ts';

/** What the failed mount was made of. */
export interface FailedMount {
  /** All directories, in the order in which the kernel looks at them. */
  readonly directories: readonly Directory[];
  /** What the failed step was about. */
  readonly subject: Subject | undefined;
  /** The whole of it, where a whole mount failed and not one directory. */
  readonly asked?: AskedMount;
  /** Gives what the driver wrote into the kernel log; absent when it had no part in the failure. */
  readonly hear?: (() => Routine<Heard | KernelError | undefined>) | undefined;
}

function* wordsOn(failed: FailedMount, first: Finding | undefined): Routine<DriverWords | undefined> {
  // The driver knows nothing of targets.
  if (failed.hear === undefined || first?.option === 'target') return undefined;
  const heard = yield* failed.hear();
  return heard && wordsOf(heard, failed.directories);
}

// The calls that deal with a target; the others know nothing of one.
const PLACING: readonly string[] = ['mount', 'move_mount', 'mkdirat'];
// And those that deal with layers, though no step says with which.
const DRIVING: readonly string[] = ['fsconfig', 'mount'];

function* directoryFinding(error: KernelError, failed: FailedMount): Routine<Finding | undefined> {
  const { directories, subject } = failed;
  // The failed step names its directory; mount(2) is one step for all of them, and looks for its target first.
  const whole = subject === undefined || subject.option === 'target';
  const suspects = directories.filter((dir) => whole || subject === dir);
  const placing = PLACING.includes(error.syscall);
  if (whole && !placing && !DRIVING.includes(error.syscall)) return undefined;
  const asked = suspects.filter(({ option }) => placing || option !== 'target');
  const target = asked.filter(({ option }) => option === 'target');
  const ordered = [...target, ...asked.filter((dir) => !target.includes(dir))];
  const found = yield* explainDirectories(error.syscall === 'mount' ? ordered : asked);
  // mount(2) calls a target that is a file none, after the driver has had its say; move_mount(2) calls it invalid.
  const late = (finding: Finding) => error.syscall === 'mount' && finding.option === 'target';
  return found.find(
    ({ finding, errnos }) => errnos.includes(-error.errno) && !(late(finding) && error.errno === -EINVAL),
  )?.finding;
}

// The option text has the options first.
function* optionFailed({ errno, syscall }: KernelError, { asked }: FailedMount): Routine<boolean> {
  if (syscall !== 'mount' || errno !== -EINVAL || asked === undefined) return false;
  return asked.rootless !== true && (yield* findRefusedOptions(asked.parameters)).length > 0;
}

function* inUseFinding(failed: FailedMount): Routine<Finding | undefined> {
  const used = yield* firstInUse(failed.directories.filter(({ option }) => option !== 'target'));
  return (
    used && {
      code: useOf(used.directory).code,
      sentence: `${subjectText(used.directory)}: the kernel says that ${usedText(used)} is the upper or work of a live overlay`,
      hint: 'unmount that overlay first, or use another directory',
      ...placeOf(used.directory),
    }
  );
}

function unexplained(
  error: KernelError,
  failed: FailedMount,
  facts: MountFacts,
  words: DriverWords | undefined,
): Finding {
  // mount(2) is one call for everything, whatever the step is called.
  const { subject: named } = failed;
  const subject = error.syscall === 'mount' && named?.option === 'target' ? undefined : named;
  const what = subject === undefined ? '' : ` (about ${subjectText(subject)})`;
  return {
    code: 'ERR_OVERLAY_UNEXPLAINED',
    sentence: `the kernel refused the mount${what}: ${error.message}${wordsText(words)}. ${checkedText(facts, words)}`,
    hint:
      words instanceof KernelError || words === undefined
        ? 'read the end of the kernel log as root (dmesg), where the overlay driver may say more'
        : 'see the manual page of the call for what the error can mean',
    ...(subject === undefined ? {} : placeOf(subject)),
  };
}

// Where one directory failed before there was a mount to speak of.
function askedOf({ directories }: FailedMount): AskedMount {
  const only = (wanted: string) => directories.filter(({ option }) => option === wanted);
  const [lower, data] = [only('lower'), only('data')];
  const [upper, work, target] = ['upper', 'work', 'target'].map((option) => only(option)[0]);
  return { lower, data, upper, work, target, parameters: [] };
}

/** What the rules find that answers with this errno. */
function ruleFindings(error: KernelError, facts: MountFacts): Finding[] {
  const able = RULES.filter(({ errnos }) => errnos.includes(-error.errno));
  return applyRules(able, facts).map(({ finding }) => finding);
}

/** The error for a failed mount. The call itself is its `cause`. */
export function* explainMountFailure(error: KernelError, failed: FailedMount): Routine<OverlayError> {
  const noneLeft = yield* tooManyOpenFiles(error);
  // A look at the machine would take descriptors as well.
  if (noneLeft !== undefined) return new OverlayError([noneLeft], error);
  const findings: Finding[] = [];
  const add = (finding: Finding | undefined) => {
    if (finding !== undefined) findings.push(finding);
  };
  // Making a directory needs no right to mount, and without root the right is that of the user namespace.
  const lacking = error.syscall !== 'mkdirat' && failed.asked?.rootless !== true;
  if (error.errno === -EPERM && lacking) add(yield* explainPrivilege());
  if (error.errno === -ENODEV) add(yield* explainDriver());
  const around = yield* lookAround(failed.directories);
  const open = { ...failed, directories: answering(failed.directories, around.silent) };
  const asked = failed.subject;
  if (error.syscall === 'mkdirat' && asked && answers(asked, around)) add(yield* explainMaking(asked));
  if (findings.length === 0 && !(yield* optionFailed(error, failed))) {
    add(yield* directoryFinding(error, open));
  }
  if (findings.length === 0 && error.errno === -EBUSY) add(yield* inUseFinding(open));
  const facts =
    findings.length === 0 ? yield* lookAtMount(failed.asked ?? askedOf(failed), around) : undefined;
  if (facts !== undefined) findings.push(...ruleFindings(error, facts));
  const words = yield* wordsOn(failed, findings[0]);
  const heard = words instanceof KernelError ? undefined : words;
  const [first = unexplained(error, failed, facts!, words), ...rest] = findings;
  return new OverlayError([first, ...rest, ...around.silent.map(silentFinding)], error, heard);
}

function answers(subject: Subject, { silent }: Surroundings): boolean {
  return !silent.some(({ directory }) => directory === subject);
}
