// Whether this user may have a user namespace with mounts of its own, found by having unshare(1) make one.
import { execFile, spawnSync } from 'node:child_process';
import { type Routine, wait } from '../routine.ts';
import { type FeatureAnswer, no, unknown, yes } from './answer.ts';
import type { Caller } from './caller.ts';
import { forbiddingSetting, type NamespaceSettings, readNamespaceSettings } from './namespace-settings.ts';

export interface UserNamespaces extends FeatureAnswer {
  /** The sysctls that bear on it and exist here. */
  readonly settings: NamespaceSettings;
  /** The one that forbids it, as `user.max_user_namespaces=0`. */
  readonly forbiddenBy?: string;
}

// Not by unshare(2): it refuses CLONE_NEWUSER to a process with threads, as Node is one.
const program = 'unshare';
const words = ['--user', '--map-root-user', '--mount', 'true'];
const command = `${program} ${words.join(' ')}`;
const options = { timeout: 5_000, killSignal: 'SIGKILL', encoding: 'utf8' } as const;

/** `failed`: what the program printed, or how it ended; absent when it made one. `missing`: there is no such program. */
interface Outcome {
  readonly missing?: true;
  readonly failed?: string;
}

function outcome(error: Error | null | undefined, status: number | null, stderr: string): Outcome {
  if (error && 'code' in error && error.code === 'ENOENT') return { missing: true };
  if (!error && status === 0) return {};
  return { failed: stderr.trim() || (error?.message ?? `exit ${status}`) };
}

function* runUnshare(): Routine<Outcome> {
  const env = { ...process.env, LC_ALL: 'C' };
  return yield* wait<Outcome>({
    now: () => {
      const { error, status, stderr } = spawnSync(program, words, { ...options, env });
      return outcome(error, status, stderr ?? '');
    },
    later: () =>
      new Promise((resolve) => {
        execFile(program, words, { ...options, env }, (error, _, stderr) => {
          resolve(outcome(error, error === null ? 0 : null, stderr));
        });
      }),
  });
}

/** The answer that an outcome and the settings give together. */
export function judge(result: Outcome, settings: NamespaceSettings, uid: number): UserNamespaces {
  const forbidding = forbiddingSetting(settings, uid);
  if (result.failed === undefined && !result.missing) return { ...yes(`${command} works`), settings };
  const what = result.missing
    ? `${program}(1) of util-linux is not there to try`
    : `${command}: ${result.failed}`;
  if (forbidding !== undefined) {
    const { setting, remedy } = forbidding;
    return { ...no(`${what}; ${setting}`, remedy), settings, forbiddenBy: setting };
  }
  const remedy = result.missing
    ? 'Install util-linux.'
    : 'Look for a seccomp filter, a security module or a chroot that forbids it: no sysctl does.';
  return { ...(result.missing ? unknown : no)(what, remedy), settings };
}

export function* probeUserNamespaces(caller: Caller): Routine<UserNamespaces> {
  const settings = yield* readNamespaceSettings();
  return judge(yield* runUnshare(), settings, caller.uid);
}
