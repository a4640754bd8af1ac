// Where a directory is filled before it has its name: beside it, and gone when that fails.
import { fsync } from 'node:fs';
import { promisify } from 'node:util';
import type { Finding } from '../format/overlay-error.ts';
import { call, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RENAME_NOREPLACE,
  STATX_INO,
  STATX_MNT_ID,
} from '../kernel/constants.ts';
import { EBUSY, EEXIST, ENOENT, ENOTDIR, ENOTEMPTY } from '../kernel/errno.ts';
import { someNames } from '../kernel/names.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import { reach } from '../kernel/reach.ts';
import { emptyDirectory, removeTree } from '../kernel/remove-tree.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { decodeStat, type Stat } from '../kernel/stat.ts';
import type { GivenEntry } from '../layer/given-path.ts';
import { requireProc } from '../layer/require-proc.ts';
import { makeOwnDirectory, type OwnDirectory, sweepOwnDirectories } from '../mount/own-directory.ts';
import { explained, failure, isErrno } from './failure.ts';

/** Directories of this name are of an unpacking that runs, or was killed: these the next one beside them removes. */
export const STAGING_PREFIX = '.overlayfs-unpack-';

const DIRECTORY = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
const fsyncAsync = promisify(fsync);

/** What is at the target before; `fixed` is an empty subvolume or mount, to whose place nothing can be renamed. */
export type Before = 'nothing' | 'empty' | 'fixed' | 'tree';

/** What may be there, besides an empty directory: nothing else, what is fixed too, or a directory with something in it. */
export type Taking = 'new' | 'fixed' | 'tree';

function* isFixed(parent: number, dir: number): Routine<boolean> {
  const of = function* (fd: number): Routine<Stat> {
    return decodeStat(yield* call('statx', fd, '', AT_EMPTY_PATH, STATX_INO | STATX_MNT_ID));
  };
  const [above, here] = [yield* of(parent), yield* of(dir)];
  const { device, mountId } = here;
  return (
    above.mountId !== mountId || above.device.major !== device.major || above.device.minor !== device.minor
  );
}

function* look(parent: number, name: Buffer): Routine<Before> {
  let dir: number;
  try {
    dir = yield* call('openat', parent, name, DIRECTORY, 0);
  } catch (error) {
    if (isErrno(error, ENOENT)) return 'nothing';
    throw error;
  }
  try {
    if ((yield* someNames(dir)).length > 0) return 'tree';
    return (yield* isFixed(parent, dir)) ? 'fixed' : 'empty';
  } finally {
    close(dir);
  }
}

export class Staging {
  readonly fd: number;
  /** What was at the target. */
  readonly before: Before;
  readonly #target: GivenEntry;
  readonly #parent: number;
  readonly #name: string | undefined;

  private constructor(target: GivenEntry, parent: number, fd: number, before: Before, name?: string) {
    this.#target = target;
    this.#parent = parent;
    this.fd = fd;
    this.before = before;
    this.#name = name;
  }

  /** It is filled where it is, and not beside. */
  get inPlace(): boolean {
    return this.#name === undefined;
  }

  /** @throws {OverlayError} ERR_OVERLAY_TARGET_EXISTS, ERR_OVERLAY_NOT_FOUND for the directory that it is to be in */
  static async make(target: GivenEntry, taking: Taking): Promise<Staging> {
    requireProc();
    const { parent: above, name } = target;
    let parent: number | undefined;
    try {
      parent = await runAsync(
        reach(AT_FDCWD, above.bytes, 0, (dir, rest) => call('openat', dir, rest, O_RDONLY | O_DIRECTORY, 0)),
      );
      const before = await runAsync(look(parent, name));
      if (before === 'tree' && taking !== 'tree') throw taken(target, 'is there, and not empty');
      if (before === 'fixed' && taking === 'new')
        throw taken(target, 'is a subvolume, or where something is mounted');
      if (before === 'tree' || before === 'fixed') {
        const fd = await runAsync(call('openat', parent, name, DIRECTORY, 0));
        return new Staging(target, parent, fd, before);
      }
      await runAsync(sweepOwnDirectories(parent, STAGING_PREFIX));
      const own = await runAsync(makeOwnDirectory(parent, STAGING_PREFIX, () => notWritable(above.shown)));
      await runAsync(prepare(parent, own));
      return new Staging(target, parent, own.fd, before, own.name);
    } catch (error) {
      if (parent !== undefined) close(parent);
      if (isErrno(error, ENOTDIR) && parent !== undefined) throw taken(target, 'is there, and no directory');
      throw explained(error, parent === undefined ? above.shown : target.shown);
    }
  }

  /**
   * Puts it all on the disk, and then in its place, in one step.
   *
   * @throws {OverlayError} ERR_OVERLAY_TARGET_EXISTS when something has come there meanwhile
   */
  async finish(sync: boolean): Promise<void> {
    const name = this.#name;
    try {
      if (sync) await runAsync(call('syncfs', this.fd));
      if (name !== undefined) {
        const flags = this.before === 'nothing' ? RENAME_NOREPLACE : 0;
        await runAsync(call('renameat2', this.#parent, name, this.#parent, this.#target.name, flags));
        if (sync) await fsyncAsync(this.#parent);
      }
    } catch (error) {
      if (isErrno(error, EEXIST, ENOTEMPTY)) throw taken(this.#target, 'has come to be meanwhile', error);
      if (isErrno(error, EBUSY)) throw taken(this.#target, 'is where something is mounted', error);
      throw explained(error, this.#target.shown);
    }
    this.#close();
  }

  /** Leaves nothing behind; of what was there before, what has been changed stays changed. */
  async discard(): Promise<void> {
    try {
      if (this.#name !== undefined) await runAsync(removeTree(this.#parent, this.#name));
      else if (this.before === 'fixed') await runAsync(emptyDirectory(this.fd));
    } finally {
      this.#close();
    }
  }

  #close(): void {
    close(this.fd);
    close(this.#parent);
  }
}

// What a directory inherits its entries would inherit in turn: group, set-group-id, ACLs.
function* prepare(parent: number, { name, fd }: OwnDirectory): Routine<void> {
  const program = new Program();
  program.add('fchownat', 0, fd, '', process.geteuid!(), process.getegid!(), AT_EMPTY_PATH);
  program.add('removexattr', MAY_FAIL, fd, 'system.posix_acl_default');
  program.add('removexattr', MAY_FAIL, fd, 'system.posix_acl_access');
  program.add('fchmodat', 0, fd, null, 0o700);
  try {
    yield* program.run();
  } catch (error) {
    close(fd);
    yield* call('unlinkat', parent, name, AT_REMOVEDIR);
    throw error;
  }
}

function notWritable(path: string): Finding {
  const sentence = `${path}: this user may not write to it`;
  const hint = 'name a place in a directory of your own';
  return { code: 'ERR_OVERLAY_NOT_WRITABLE', sentence, hint, option: 'dir', path };
}

function taken({ shown }: GivenEntry, problem: string, cause?: unknown) {
  return failure(
    'ERR_OVERLAY_TARGET_EXISTS',
    `${shown} ${problem}`,
    'name a directory that is not there or is empty, or unmount what is mounted',
    { option: 'dir', path: shown, cause },
  );
}
