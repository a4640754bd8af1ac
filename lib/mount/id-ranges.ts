// A user namespace with the ids of others that this user was given: mapped by newuidmap(1) and newgidmap(1), which may.
//
// The namespace is made by a child, which waits while the two map its ids from here: they want the number of a process in it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { OverlayError } from '../diagnosis/overlay-error.ts';
import { type IdRange, parseSubordinateIds } from '../format/subordinate-ids.ts';
import { call, callSync, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  CLONE_NEWUSER,
  LOCK_EX,
  LOCK_UN,
  O_RDONLY,
  O_RDWR,
  procPath,
} from '../kernel/constants.ts';
import { readIfPossible } from '../kernel/files.ts';
import { Program } from '../kernel/program.ts';
import type { TakeOver } from '../kernel/remove-tree.ts';
import { type Routine, wait } from '../kernel/routine.ts';
import type { Attributes } from '../layer/attributes.ts';

const OPTION = 'rootless';

function refused(code: string, sentence: string, hint: string, cause?: unknown): OverlayError {
  return new OverlayError([{ code, sentence, hint, option: OPTION }], cause);
}

function userName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

function* rangesIn(file: string, flag: string): Routine<IdRange[]> {
  const user = { name: userName(), id: process.geteuid!() };
  const text = (yield* readIfPossible(file))?.toString() ?? '';
  const ranges = parseSubordinateIds(text, user);
  if (ranges.length > 0) return ranges;
  const who = user.name ?? String(user.id);
  throw refused(
    'ERR_OVERLAY_NO_ID_RANGES',
    `${file} gives user ${who} no ids of others, which rootless: 'ranges' maps`,
    `give some, as root: usermod ${flag} 100000-165535 ${who}; or use rootless: true`,
  );
}

/** As newuidmap(1) takes them: each id is mapped to itself, so that owners are the same inside and outside. */
function mapArguments(own: number, ranges: readonly IdRange[]): string[] {
  const whole = [{ first: own, count: 1 }, ...ranges];
  return whole.flatMap(({ first, count }) => [String(first), String(first), String(count)]);
}

interface Ended {
  readonly error?: Error & { readonly code?: string };
  readonly status: number | null;
  readonly stderr: string;
}

// Loaded when it is needed: it would cost every start of Node.
const children = () => process.getBuiltinModule('node:child_process');

function runNow(program: string, words: readonly string[]): Ended {
  return children().spawnSync(program, words, { stdio: ['ignore', 'ignore', 'pipe'], encoding: 'utf8' });
}

function runLater(program: string, words: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    children().execFile(program, words, (error, _, stderr) => {
      const code = error?.code as number | string | null | undefined;
      if (typeof code === 'string')
        resolve({ error: error as Error & { code: string }, status: null, stderr });
      else resolve({ status: error === null ? 0 : (code ?? null), stderr });
    });
  });
}

function* noNewPrivileges(): Routine<boolean> {
  const status = (yield* readIfPossible('/proc/self/status'))?.toString() ?? '';
  return /^NoNewPrivs:\s*1$/m.test(status);
}

function* map(program: string, words: readonly string[]): Routine<void> {
  const ended = yield* wait({ now: () => runNow(program, words), later: () => runLater(program, words) });
  if (ended.error?.code === 'ENOENT') {
    throw refused(
      'ERR_OVERLAY_NO_ID_HELPER',
      `there is no ${program} in the directories of PATH, which maps the ids of rootless: 'ranges'`,
      "install it (Debian's package uidmap, elsewhere shadow-utils), or use rootless: true",
      ended.error,
    );
  }
  if (ended.error === undefined && ended.status === 0) return;
  const said = ended.error?.message ?? ended.stderr.trim();
  const [reason, hint] = (yield* noNewPrivileges())
    ? [
        'this process may gain no privileges (NoNewPrivs: 1 in /proc/self/status), and it needs those of a set-id program',
        'run it without no_new_privs (setpriv, systemd: NoNewPrivileges=no), or use rootless: true',
      ]
    : [said, `see that ${program} is set-user-id root, and that the ranges are those of the file`];
  throw refused(
    'ERR_OVERLAY_ID_HELPER_FAILED',
    `${program} has not mapped the ids: ${reason}`,
    hint,
    ended.error,
  );
}

const pause = () =>
  wait({
    now: () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1),
    later: () => setTimeout(1),
  });

// Far more than it takes; the thread pool may be busy.
const PATIENCE = 10_000;

/** What two processes that share descriptors and memory, but no wait for each other, tell each other by. */
class Meeting {
  readonly #directory = mkdtempSync(join(tmpdir(), 'overlayfs-ids-'));
  readonly #file = join(this.#directory, 'pid');
  readonly #ours: number;
  /** The child waits for its lock; and writes its number there before. */
  readonly theirs: number;

  constructor() {
    writeFileSync(this.#file, '');
    this.#ours = callSync('openat', AT_FDCWD, this.#file, O_RDWR, 0);
    this.theirs = callSync('openat', AT_FDCWD, this.#file, O_RDWR, 0);
    callSync('flock', this.#ours, LOCK_EX);
  }

  *pid(failed: () => unknown): Routine<string> {
    for (const start = Date.now(); Date.now() - start < PATIENCE; yield* pause()) {
      const text = readFileSync(this.#file, 'latin1');
      if (text !== '') return text;
      if (failed() !== undefined) throw failed();
    }
    throw new Error('the child that makes a user namespace does not begin');
  }

  /** Lets the child go, and waits for its end: it uses our descriptors. */
  *end(pid: string | undefined): Routine<void> {
    callSync('flock', this.#ours, LOCK_UN);
    for (const start = Date.now(); pid !== undefined && Date.now() - start < PATIENCE; yield* pause())
      if ((yield* readIfPossible(`/proc/${pid}/stat`)) === undefined) break;
    close(this.#ours);
    close(this.theirs);
    rmSync(this.#directory, { recursive: true });
  }
}

function* make(uids: readonly string[], gids: readonly string[]): Routine<number> {
  const meeting = new Meeting();
  const program = new Program(undefined, 'child');
  program.add('unshare', 0, CLONE_NEWUSER);
  const self = program.add('readlinkat', 0, AT_FDCWD, '/proc/self');
  program.add('write', 0, meeting.theirs, program.bytesOf(self));
  program.add('flock', 0, meeting.theirs, LOCK_EX);
  let failure: unknown;
  // On the thread pool, also for who waits for all of it here.
  program.later().catch((error: unknown) => {
    failure = error;
  });
  let pid: string | undefined;
  try {
    pid = yield* meeting.pid(() => failure);
    yield* map('newuidmap', [pid, ...uids]);
    yield* map('newgidmap', [pid, ...gids]);
    return yield* call('openat', AT_FDCWD, `/proc/${pid}/ns/user`, O_RDONLY, 0);
  } finally {
    yield* meeting.end(pid);
  }
}

let known: { readonly uid: number; readonly gid: number; readonly fd: number } | undefined;

/**
 * A descriptor of a user namespace that maps this user and group, and the ranges that /etc/subuid and /etc/subgid give to
 * the user, each id to itself. Made at first use and kept, as that of kernel/user-namespace.ts.
 *
 * @throws {OverlayError} ERR_OVERLAY_NO_ID_RANGES, ERR_OVERLAY_NO_ID_HELPER, ERR_OVERLAY_ID_HELPER_FAILED
 * @throws {KernelError} clone or unshare
 */
export function* rangedNamespace(): Routine<number> {
  const [uid, gid] = [process.geteuid!(), process.getegid!()];
  const isKnown = () => known?.uid === uid && known.gid === gid;
  if (isKnown()) return known!.fd;
  const uids = mapArguments(uid, yield* rangesIn('/etc/subuid', '--add-subuids'));
  const gids = mapArguments(gid, yield* rangesIn('/etc/subgid', '--add-subgids'));
  const fd = yield* make(uids, gids);
  if (isKnown()) {
    close(fd);
  } else {
    if (known !== undefined) close(known.fd);
    known = { uid, gid, fd };
  }
  return known!.fd;
}

/** Gives what belongs to an id of the ranges to this user: in the namespace he is master of all of them. */
export function takeOverIn(namespace: number): TakeOver {
  return function* takeOver(dir, name) {
    const program = programIn(namespace);
    const flags = name.length === 0 ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW;
    program.add('fchownat', 0, dir, name, process.geteuid!(), process.getegid!(), flags);
    yield* program.run();
  };
}

/** Gives an open file of this user to an id of the ranges, and the mode of which that takes the set-id bits. */
export function giveTo(namespace: number) {
  return function* give(fd: number, { uid, gid, mode }: Attributes): Routine<void> {
    const program = programIn(namespace);
    program.add('fchownat', 0, fd, '', uid, gid, AT_EMPTY_PATH);
    if ((mode & SET_ID) !== 0) program.add('fchmodat', 0, AT_FDCWD, procPath(fd), mode);
    yield* program.run();
  };
}

const SET_ID = 0o6000;

function programIn(namespace: number): Program {
  const program = new Program(undefined, 'child');
  program.add('setns', 0, namespace, CLONE_NEWUSER);
  return program;
}
