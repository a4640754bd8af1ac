// Makes a directory that its maker can use: a umask may take away the owner's rights too.
import { call } from './call.ts';
import { AT_SYMLINK_NOFOLLOW, STATX_MODE } from './constants.ts';
import { Program, WANT } from './program.ts';
import type { Routine } from './routine.ts';
import { decodeStat } from './stat.ts';

const OWNER = 0o700;

/**
 * mkdirat(2), and the owner's rights again where the umask has taken them, as mkdir(1) does it with `-p`.
 *
 * @throws {KernelError}
 */
export function* makeUsableDirectory(dir: number, name: string | Uint8Array, mode: number): Routine<void> {
  const program = new Program();
  program.add('mkdirat', 0, dir, name, mode);
  const made = program.add('statx', WANT, dir, name, AT_SYMLINK_NOFOLLOW, STATX_MODE);
  yield* program.run();
  const given = decodeStat(program.bytes(made)!).mode & 0o7777;
  // Only here: in a directory of others the name may be another's by now.
  if ((given & OWNER) !== OWNER) yield* call('fchmodat', dir, name, given | OWNER);
}
