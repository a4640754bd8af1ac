// Which options of a mount this kernel refuses by themselves, asked on contexts that are dropped again.
import type { Parameter } from '../format/options.ts';
import { FSOPEN_CLOEXEC } from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { LOG, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import { addEntry } from '../kernel/user-namespace.ts';

export interface RefusedOption {
  readonly parameter: Parameter;
  /** Positive. */
  readonly errno: number;
  /** The kernel's own, if it said any. */
  readonly words: string;
}

/** The refusal of one parameter on a new context; undefined when it is taken, null when it could not be asked. */
function* ask(
  { key, value }: Parameter,
  namespace: number | undefined,
): Routine<KernelError | undefined | null> {
  const program = new Program(undefined, namespace === undefined ? 'here' : 'child');
  if (namespace !== undefined) addEntry(program, namespace);
  const first = program.steps;
  const context = program.add('fsopen', LOG, 'overlay', FSOPEN_CLOEXEC);
  if (value === undefined) program.add('fsconfig_set_flag', 0, context, key);
  else program.add('fsconfig_set_string', 0, context, key, value);
  try {
    yield* program.run();
    return undefined;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.step === first + 1 ? error : null;
  }
}

// Each line of a context's log begins with its level: e, w or i.
function wordsOf(log: string): string {
  return log
    .split('\n')
    .map((line) => line.replace(/^[ewi] /, ''))
    .join('; ');
}

/**
 * None as well where there is no fsopen(2), and where even a harmless parameter is refused.
 *
 * @param namespace the user namespace to ask in; absent: that of this process
 */
export function* findRefusedOptions(
  parameters: readonly Parameter[],
  namespace?: number,
): Routine<RefusedOption[]> {
  if (parameters.length === 0) return [];
  if ((yield* ask({ key: 'source', value: 'overlay' }, namespace)) !== undefined) return [];
  const refused: RefusedOption[] = [];
  for (const parameter of parameters) {
    const refusal = yield* ask(parameter, namespace);
    if (refusal) refused.push({ parameter, errno: -refusal.errno, words: wordsOf(refusal.log) });
  }
  return refused;
}
