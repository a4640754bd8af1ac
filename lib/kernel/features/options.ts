// The options of the overlay driver, each tried on an overlay of its own and looked at in what it does there.
import { OVERLAY_OPTIONS, type OverlayOptionName } from '../../format/option-table.ts';
import { O_NOFOLLOW, O_PATH } from '../constants.ts';
import { KernelError, STEP_BASE } from '../kernel-error.ts';
import { Program } from '../program.ts';
import type { Routine } from '../routine.ts';
import { type FeatureAnswer, no, remedyFor, yes } from './answer.ts';
import type { Dialect } from './dialect.ts';
import type { Place } from './place.ts';
import { addTrial, type KernelOption, type Trial } from './trial.ts';

interface OptionProbe {
  readonly options: readonly KernelOption[];
  /** The kernel excludes it from userxattr, and so from user namespaces. */
  readonly trustedOnly?: true;
  /** Adds the calls that only succeed when the option does what it is for, because the kernel drops some silently. */
  readonly prove?: (program: Program, trial: Trial) => void;
  /** What was seen when all calls succeeded. */
  readonly seen: string;
}

const taken = 'the kernel mounts an overlay with it; its effect was not looked at';

function opened(program: Program, dir: number, path: string): number {
  return program.add('openat', 0, dir, path, O_PATH | O_NOFOLLOW, 0);
}

/** The options of `OverlayOptions` that not every kernel has. */
export type OptionName = Exclude<OverlayOptionName, 'defaultPermissions'>;
export type OptionAnswers = Readonly<Record<OptionName, FeatureAnswer>>;

const probes: Readonly<Record<OptionName, OptionProbe>> = {
  userxattr: { options: [['userxattr']], seen: taken },
  metacopy: {
    options: [['metacopy', 'on']],
    trustedOnly: true,
    prove: (program, { root, upper }) => {
      program.add('fchmodat', 0, root, 'file', 0o600);
      program.add('getxattr', 0, opened(program, upper, 'file'), 'trusted.overlay.metacopy');
    },
    seen: 'chmod of a lower file left trusted.overlay.metacopy in the upper',
  },
  redirectDir: {
    options: [['redirect_dir', 'on']],
    trustedOnly: true,
    prove: (program, { root, upper }) => {
      program.add('renameat2', 0, root, 'dir', root, 'moved', 0);
      program.add('getxattr', 0, opened(program, upper, 'moved'), 'trusted.overlay.redirect');
    },
    seen: 'rename of a lower directory left trusted.overlay.redirect in the upper',
  },
  index: {
    options: [['index', 'on']],
    prove: (program, { work }) => void opened(program, work, 'index'),
    seen: 'the kernel made an index in the work directory',
  },
  nfsExport: {
    options: [
      ['index', 'on'],
      ['nfs_export', 'on'],
    ],
    prove: (program, { root }) => void program.add('name_to_handle_at', 0, root, 'file', 0),
    seen: 'a file of the overlay has a file handle',
  },
  volatile: {
    options: [['volatile']],
    prove: (program, { work }) => void opened(program, work, 'work/incompat/volatile'),
    seen: 'the kernel made its volatile marker in the work directory',
  },
  fsync: { options: [['fsync', 'strict']], seen: taken },
  // Not 'on', which the kernel's log would call useless on one filesystem.
  xino: { options: [['xino', 'auto']], seen: taken },
  uuid: { options: [['uuid', 'on']], seen: taken },
  verity: {
    options: [['verity', 'on']],
    seen: `${taken}, for a memory filesystem carries no fs-verity digests`,
  },
  overrideCreds: { options: [['nooverride_creds']], seen: taken },
};

export const optionNames: readonly OptionName[] = Object.keys(probes) as OptionName[];

/** The first kernel that knows the option, by the documents. */
function sinceOf(option: OptionName): string | undefined {
  return OVERLAY_OPTIONS.find(({ name }) => name === option)?.since;
}

/** The option, with those that it takes to be accepted. */
function withNeeded(name: OptionName, dialect: Dialect): readonly KernelOption[] {
  const { options, trustedOnly } = probes[name];
  const isTrusted = dialect.prefix === 'trusted.overlay.';
  // Before 6.16 verity is only taken together with metacopy.
  if (name === 'verity' && isTrusted) return [['metacopy', 'on'], ...options];
  return trustedOnly || name === 'userxattr' ? options : [...dialect.options, ...options];
}

function* probeOption(place: Place, dialect: Dialect, name: OptionName): Routine<FeatureAnswer> {
  const { prove, seen } = probes[name];
  const program = new Program();
  const trial = addTrial(program, place, { options: withNeeded(name, dialect) });
  prove?.(program, trial);
  try {
    yield* program.run();
    return yes(seen);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (error.step + STEP_BASE > trial.root)
      return no(`an overlay was mounted with it, but it has no effect: ${error.message}`);
    return no(error.message, remedyFor(error, sinceOf(name)));
  }
}

/** Source: Documentation/filesystems/overlayfs.rst. */
export function* probeOptions(place: Place, dialect: Dialect): Routine<OptionAnswers> {
  const answers: Partial<Record<OptionName, FeatureAnswer>> = {};
  for (const name of optionNames) answers[name] = yield* probeOption(place, dialect, name);
  return answers as OptionAnswers;
}
