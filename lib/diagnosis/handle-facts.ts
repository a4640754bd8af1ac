// Which layers have no file handles, without which the kernel drops index and nfs_export in silence.
import type { Parameter } from '../format/options.ts';
import { AT_EMPTY_PATH, AT_FDCWD } from '../kernel/constants.ts';
import { EOPNOTSUPP } from '../kernel/errno.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import type { Routine } from '../kernel/routine.ts';
import type { Directory } from './subject.ts';

/** The parameters that need handles. */
export function needsHandles({ key, value }: Parameter): boolean {
  return (key === 'index' || key === 'nfs_export') && value === 'on';
}

/** In their order; none when nothing asked for needs them. */
export function* findWithoutHandles(
  layers: readonly (Directory | undefined)[],
  parameters: readonly Parameter[],
): Routine<Directory[]> {
  if (!parameters.some(needsHandles)) return [];
  const given = layers.filter((layer) => layer !== undefined);
  const program = new Program();
  const steps = given.map(({ fd, absolute }) =>
    program.add(
      'name_to_handle_at',
      MAY_FAIL,
      fd ?? AT_FDCWD,
      absolute ?? '',
      fd === undefined ? 0 : AT_EMPTY_PATH,
    ),
  );
  yield* program.run();
  return given.filter((_, i) => program.value(steps[i]!) === -EOPNOTSUPP);
}
