// What run() takes besides a command: of the view, and of the process.
import { checkField, FLAG, readFields, SIGNAL, TEXT } from '../format/given.ts';
import type { LayerSource, PathLike, ScratchOptions } from '../format/mount-spec.ts';
import { refuse } from '../mount/refuse.ts';
import { readTarget, type Target } from '../mount/spec-paths.ts';

/** As of child_process: a word, a descriptor, or a stream that has one. */
export type StdioEntry =
  | 'pipe'
  | 'inherit'
  | 'ignore'
  | number
  | { readonly fd: number }
  | NodeJS.ReadableStream
  | NodeJS.WritableStream
  | null
  | undefined;

export interface RunOptions
  extends Pick<
    ScratchOptions,
    'size' | 'inodes' | 'upperOn' | 'data' | 'options' | 'rootless' | 'shareLower'
  > {
  /** What the view shows. Default: what `at` has. */
  readonly lower?: LayerSource | readonly LayerSource[];
  /** Where the command sees the view. Default: `cwd`. */
  readonly at?: PathLike;
  /**
   * Instead of `at`: the command sees a view of each top-level directory that can be written to, and all that is not
   * covered is read-only for it, but for /dev, /proc and /sys.
   */
  readonly whole?: boolean;
  /** Where the command starts. Default: where this process is. */
  readonly cwd?: PathLike;
  /** Default: that of this process. */
  readonly env?: Readonly<Record<string, string | Uint8Array | undefined>>;
  /** What the command is told to be called. */
  readonly argv0?: string;
  /** Default `'pipe'`: `stdin`, `stdout` and `stderr` of the command are streams. */
  readonly stdio?: 'pipe' | 'inherit' | 'ignore' | readonly StdioEntry[];
  /**
   * What becomes of processes that the command has started and left behind when it ends: `'end'`, the default, kills them;
   * `'wait'` waits for them.
   */
  readonly leftovers?: 'end' | 'wait';
  /** Sends `killSignal`, and `finished` rejects with its reason. */
  readonly signal?: AbortSignal;
  /** Default `'SIGTERM'`. */
  readonly killSignal?: NodeJS.Signals | number;
}

/** Checked, and without what is for scratch(). */
export interface RunRequest {
  readonly given: RunOptions;
  readonly at: Target;
  readonly cwd: Target;
  readonly leftovers: 'end' | 'wait';
  readonly scratch: ScratchOptions;
}

const OF_SCRATCH = ['size', 'inodes', 'upperOn', 'data', 'options', 'rootless', 'shareLower'] as const;
const FIELDS: readonly string[] = [
  ...OF_SCRATCH,
  'lower',
  'at',
  'whole',
  'cwd',
  'env',
  'argv0',
  'stdio',
  'leftovers',
  'signal',
  'killSignal',
];

function conflict(option: string, sentence: string): never {
  return refuse('ERR_OVERLAY_OPTION_CONFLICT', { option }, sentence, 'leave one of the two out');
}

const CHECKS = { whole: FLAG, signal: SIGNAL, argv0: TEXT, leftovers: ['end', 'wait'] } as const;

/** @throws {OverlayError} those of the section "Wrong arguments" in docs/errors.md */
export function readRunOptions(options: unknown): RunRequest {
  const given: RunOptions = readFields(options, 'options', FIELDS);
  for (const [name, check] of Object.entries(CHECKS))
    checkField(name, given[name as keyof typeof CHECKS], check);
  for (const name of ['at', 'lower'] as const)
    if (given.whole === true && given[name] !== undefined)
      conflict(name, `whole covers every directory, and ${name} is for one`);
  const cwd = readTarget(given.cwd === undefined ? '.' : given.cwd, 'cwd')!;
  const scratch: Record<string, unknown> = {};
  for (const name of OF_SCRATCH) if (given[name] !== undefined) scratch[name] = given[name];
  return {
    given,
    at:
      given.at === undefined
        ? { ...cwd, option: given.cwd === undefined ? 'at' : 'cwd' }
        : readTarget(given.at, 'at')!,
    cwd,
    leftovers: given.leftovers ?? 'end',
    scratch,
  };
}
