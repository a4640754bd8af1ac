// Runs a script in a Node of its own: as another user, and under a program such as fake-errno.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { isOpenToOthers, packageForOthers, packageRoot } from './built-package.ts';

export interface NodeOptions {
  env?: Readonly<Record<string, string>>;
  /** Runs as this user and group; only root can. */
  uid?: number;
  /** Arguments for the script. A file sees them from `process.argv[2]` on, inline source from `process.argv[1]` on. */
  args?: readonly string[];
  /** Arguments for Node itself. */
  execArgv?: readonly string[];
  /** A program, with its arguments, that runs Node. */
  under?: readonly string[];
  timeoutMs?: number;
}

export interface Outcome {
  /** The exit code, or null when a signal ended it. */
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Inline source is an ES module in which `import 'overlayfs'` is the built package, as it is for a user of it. */
export function runNode(script: string | URL, options: NodeOptions = {}): Outcome {
  const { uid, under = [], timeoutMs = 150_000 } = options;
  const other = uid !== undefined && uid !== process.geteuid!();
  const what = scriptArguments(script, other);
  const [program, ...words] = [
    ...under,
    process.execPath,
    ...(options.execArgv ?? []),
    ...what,
    ...(options.args ?? []),
  ];
  const { error, status, signal, stdout, stderr } = spawnSync(program!, words, {
    cwd: other ? packageForOthers() : packageRoot,
    env: { ...process.env, NODE_OPTIONS: '', ...(other && { HOME: tmpdir() }), ...options.env },
    ...(other && { uid, gid: uid }),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 26,
  });
  if (error && 'code' in error && error.code === 'ETIMEDOUT')
    throw new Error(`still running after ${timeoutMs} ms\n${stderr}`);
  if (error) throw error;
  return { status, signal, stdout, stderr };
}

function scriptArguments(script: string | URL, other: boolean): string[] {
  if (typeof script === 'string') return ['--input-type=module', '-e', script, '--'];
  const file = fileURLToPath(script);
  if (!other || isOpenToOthers(file)) return [file];
  return ['--input-type=module', '-e', readFileSync(file, 'utf8'), '--', file];
}

const nobody = 65534;

/** Runs a script as an ordinary user: as nobody when root runs the tests, else as whoever does. */
export function asNobody(script: string | URL, options: Omit<NodeOptions, 'uid'> = {}): Outcome {
  return runNode(script, process.geteuid!() === 0 ? { ...options, uid: nobody } : options);
}

/** The JSON that a script printed; an error with its stderr when it failed. */
export function printedJson<T>({ status, signal, stdout, stderr }: Outcome): T {
  if (status !== 0) throw new Error(`the script ended with ${signal ?? status}\n${stderr}`);
  return JSON.parse(stdout) as T;
}
