// The root of a throw-away overlay: an overlay shows its upper's root, so that this is made like the first lower's.
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_PATH, STATX_BASIC_STATS } from '../kernel/constants.ts';
import { MAY_FAIL } from '../kernel/program.ts';
import type { Plan } from './plan.ts';
import type { MountRequest } from './spec.ts';

const DIRECTORY = O_PATH | O_DIRECTORY;
const NUL = Buffer.alloc(1);

/** Makes an upper with owner, mode and times of the first lower's root, and a work directory. */
export function addUpperAndWork(
  plan: Plan,
  request: MountRequest,
  dir: number,
  names: { readonly upper: string; readonly work: string },
): void {
  const { program } = plan;
  const [first] = request.lower;
  const lower = first!.fd ?? plan.about(first).add('openat', 0, AT_FDCWD, first!.absolute!, DIRECTORY, 0);
  const statx = plan.about(first).add('statx', 0, lower, '', AT_EMPTY_PATH, STATX_BASIC_STATS);
  program.add('mkdirat', 0, dir, names.upper, 0o700);
  program.add('mkdirat', 0, dir, names.work, 0o700);
  // Without root it can only be this user's; in a container some owners are not to be had.
  if (!request.rootless) program.add('fchownat_of', MAY_FAIL, dir, names.upper, program.bytesOf(statx));
  program.add('fchmodat_of', 0, dir, names.upper, program.bytesOf(statx));
  program.add('utimensat_of', MAY_FAIL, dir, names.upper, program.bytesOf(statx), 0);
  // Few have any, and most of the time goes into looking at the names.
  const listed = program.add('listxattr', MAY_FAIL, lower);
  plan.plainLower = program.add('require_absent', MAY_FAIL, program.bytesOf(listed), NUL);
}

/** Whether the lower's root has more, which the upper's root is to be given. @param plan what made the upper, after its run */
export function lacksRootXattrs(plan: Plan): boolean {
  return plan.program.value(plan.plainLower!) !== 0;
}
