// A trial: one overlay made on the scratch place, as steps of a program; detached it is gone when the program ends, else when the place is closed.
import { FSMOUNT_CLOEXEC, FSOPEN_CLOEXEC, O_DIRECTORY, O_PATH } from '../constants.ts';
import { LOG, type Program } from '../program.ts';
import type { Place } from './place.ts';

/** An option as the kernel spells it: `['metacopy', 'on']`, `['userxattr']`. */
export type KernelOption = readonly [key: string, value?: string];

export interface TrialSpec {
  readonly options?: readonly KernelOption[];
  /** As in `lowerdir=`; default: `lower` over `bottom` of the scratch place. Needs no escapes. */
  readonly lower?: string;
  /** `true`: new directories on the scratch place; `false`: a read-only overlay; or two that exist, without escapes. */
  readonly upper?: boolean | { readonly upper: string; readonly work: string };
  /** Flags of the step that gives the root, such as KEEP. */
  readonly rootFlags?: number;
}

export interface Trial {
  /** Steps that give descriptors: of the overlay's root, and of upper and work (when they are on the scratch place). */
  readonly root: number;
  readonly upper: number;
  readonly work: number;
}

/** The lowers of the scratch place, in the form of `lowerdir=`. */
export function lowersOf(place: Place): string {
  return `${place.path}/lower:${place.path}/bottom`;
}

function addLayers(program: Program, place: Place, kind: 'upper' | 'work'): { path: string; step: number } {
  const name = place.fresh(kind);
  program.add('mkdirat', 0, place.fd, name, 0o755);
  return {
    path: `${place.path}/${name}`,
    step: program.add('openat', 0, place.fd, name, O_PATH | O_DIRECTORY, 0),
  };
}

/** Adds the overlay; the program fails at the call that refuses it. */
export function addTrial(program: Program, place: Place, spec: TrialSpec = {}): Trial {
  const parameters: KernelOption[] = [['lowerdir', spec.lower ?? lowersOf(place)]];
  let [upper, work] = [-1, -1];
  if (typeof spec.upper === 'object') {
    parameters.push(['upperdir', spec.upper.upper], ['workdir', spec.upper.work]);
  } else if (spec.upper !== false) {
    const made = [addLayers(program, place, 'upper'), addLayers(program, place, 'work')] as const;
    parameters.push(['upperdir', made[0].path], ['workdir', made[1].path]);
    [upper, work] = [made[0].step, made[1].step];
  }
  parameters.push(...(spec.options ?? []));
  const { rootFlags = 0 } = spec;
  if (place.form === 'detached') return { root: addDetached(program, rootFlags, parameters), upper, work };
  return { root: addAttached(program, rootFlags, place, parameters), upper, work };
}

function addDetached(program: Program, rootFlags: number, parameters: readonly KernelOption[]): number {
  const context = program.add('fsopen', LOG, 'overlay', FSOPEN_CLOEXEC);
  for (const [key, value] of parameters) {
    if (value === undefined) program.add('fsconfig_set_flag', 0, context, key);
    else program.add('fsconfig_set_string', 0, context, key, value);
  }
  program.add('fsconfig_create', 0, context);
  return program.add('fsmount', rootFlags, context, FSMOUNT_CLOEXEC, 0);
}

function addAttached(
  program: Program,
  rootFlags: number,
  place: Place,
  parameters: readonly KernelOption[],
): number {
  const data = parameters.map(([key, value]) => (value === undefined ? key : `${key}=${value}`)).join(',');
  const point = place.fresh('mount');
  program.add('mkdirat', 0, place.fd, point, 0o700);
  program.add('mount', 0, 'overlay', `${place.path}/${point}`, 'overlay', 0, data);
  return program.add('openat', rootFlags, place.fd, point, O_PATH | O_DIRECTORY, 0);
}
