// The scratch place of the probe: an anonymous tmpfs that disappears with its descriptor, or the nearest thing to it.
import { tmpdir } from 'node:os';
import { call, close } from '../call.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  FSMOUNT_CLOEXEC,
  FSOPEN_CLOEXEC,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  procPath,
  S_IFREG,
  UMOUNT_NOFOLLOW,
} from '../constants.ts';
import { KEEP, LOG, Program } from '../program.ts';
import type { Routine } from '../routine.ts';

/**
 * A tmpfs with `lower/file`, `lower/dir/file` and the empty directory `bottom`. `detached`: it is mounted nowhere, and
 * so are the overlays on it, made with fsopen(2). `attached`: it is mounted on a private temporary directory, and so are
 * the overlays, made with mount(2); for kernels without fsopen(2), and those before 6.15, which refuse detached layers.
 */
export interface Place {
  readonly form: 'detached' | 'attached';
  /** The root of the tmpfs. */
  readonly fd: number;
  /** A name of it that needs no escape in any form of mount options. */
  readonly path: string;
  /** A name, new at each call, for a directory in it. */
  fresh(prefix: string): string;
  /** Where it is mounted, when it is attached. */
  readonly directory?: string;
}

function numbered(): (prefix: string) => string {
  let count = 0;
  return (prefix) => `${prefix}${count++}`;
}

/** A name that nobody else has. */
export function probeName(): string {
  // The global: importing node:crypto would cost every start of Node two milliseconds.
  return `overlayfs-probe-${process.pid}-${Buffer.from(crypto.getRandomValues(new Uint8Array(6))).toString('hex')}`;
}

function* fill(fd: number): Routine<void> {
  const program = new Program();
  for (const name of ['bottom', 'lower', 'lower/dir']) program.add('mkdirat', 0, fd, name, 0o755);
  for (const name of ['lower/file', 'lower/dir/file'])
    program.add('mknodat', 0, fd, name, S_IFREG | 0o644, 0);
  yield* program.run();
}

/** Throws KernelError when the new mount API, or the right to use it, is missing. */
export function* openDetachedPlace(): Routine<Place> {
  const program = new Program();
  const context = program.add('fsopen', LOG, 'tmpfs', FSOPEN_CLOEXEC);
  program.add('fsconfig_set_string', 0, context, 'mode', '0700');
  program.add('fsconfig_create', 0, context);
  const root = program.add('fsmount', KEEP, context, FSMOUNT_CLOEXEC, 0);
  yield* program.run();
  const fd = program.value(root);
  const place: Place = {
    form: 'detached',
    fd,
    path: procPath(fd),
    fresh: numbered(),
  };
  return yield* filled(place);
}

/** Throws KernelError when the process may not mount. A kill between here and closePlace() leaves a mount and a directory. */
export function* openAttachedPlace(): Routine<Place> {
  const directory = `${tmpdir()}/${probeName()}`;
  yield* call('mkdirat', AT_FDCWD, directory, 0o700);
  let fd: number;
  try {
    const program = new Program();
    program.add('mount', 0, 'overlayfs-probe', directory, 'tmpfs', 0, 'mode=0700');
    const root = program.add('openat', KEEP, AT_FDCWD, directory, O_PATH | O_DIRECTORY, 0);
    yield* program.run();
    fd = program.value(root);
  } catch (error) {
    yield* call('unlinkat', AT_FDCWD, directory, AT_REMOVEDIR);
    throw error;
  }
  const place: Place = {
    form: 'attached',
    fd,
    path: procPath(fd),
    fresh: numbered(),
    directory,
  };
  return yield* filled(place);
}

function* filled(place: Place): Routine<Place> {
  try {
    yield* fill(place.fd);
    return place;
  } catch (error) {
    yield* closePlace(place);
    throw error;
  }
}

/** Ends it, with all overlays on it. */
export function* closePlace({ fd, directory }: Place): Routine<void> {
  close(fd);
  if (directory === undefined) return;
  // Lazily: the overlays on it go along, and what still uses one of them keeps nothing else.
  yield* call('umount2', directory, MNT_DETACH | UMOUNT_NOFOLLOW);
  yield* call('unlinkat', AT_FDCWD, directory, AT_REMOVEDIR);
}
