// What run() takes besides a command: of the view, and of the process.
import type { LayerSource, PathLike, ScratchOptions } from '../format/mount-spec.ts';
import { nearestName } from '../format/nearest-name.ts';
import { refuse, wrongType } from '../mount/refuse.ts';
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

function refuseUnknown(options: object): void {
  for (const name in options) {
    if (FIELDS.includes(name)) continue;
    const near = nearestName(name, FIELDS);
    refuse(
      'ERR_OVERLAY_UNKNOWN_OPTION',
      { option: name },
      `${JSON.stringify(name)} is no option of run()`,
      near === undefined ? `the options are ${FIELDS.join(', ')}` : `did you mean ${near}?`,
    );
  }
}

function conflict(option: string, sentence: string): never {
  return refuse('ERR_OVERLAY_OPTION_CONFLICT', { option }, sentence, 'leave one of the two out');
}

function readLeftovers({ leftovers }: RunOptions): 'end' | 'wait' {
  if (leftovers === undefined || leftovers === 'end' || leftovers === 'wait') return leftovers ?? 'end';
  const sentence = `leftovers is ${JSON.stringify(leftovers)}, which is none of 'end', 'wait'`;
  return refuse('ERR_OVERLAY_INVALID_VALUE', { option: 'leftovers' }, sentence, "use 'end' or 'wait'");
}

function checkTypes({ whole, signal, argv0 }: RunOptions): void {
  if (whole !== undefined && typeof whole !== 'boolean') wrongType('whole', 'true or false', whole);
  if (signal !== undefined && !(signal instanceof AbortSignal)) wrongType('signal', 'an AbortSignal', signal);
  if (argv0 !== undefined && typeof argv0 !== 'string') wrongType('argv0', 'a string', argv0);
}

/** @throws {OverlayError} those of the section "Wrong arguments" in docs/errors.md */
export function readRunOptions(options: unknown): RunRequest {
  if (typeof options !== 'object' || options === null) return wrongType('options', 'an object', options);
  refuseUnknown(options);
  const given = options as RunOptions;
  checkTypes(given);
  for (const name of ['at', 'lower'] as const)
    if (given.whole === true && given[name] !== undefined)
      conflict(name, `whole covers every directory, and ${name} is for one`);
  const cwd = readTarget(given.cwd ?? '.', 'cwd')!;
  const scratch: Record<string, unknown> = {};
  for (const name of OF_SCRATCH) if (given[name] !== undefined) scratch[name] = given[name];
  return {
    given,
    at:
      given.at === undefined
        ? { ...cwd, option: given.cwd === undefined ? 'at' : 'cwd' }
        : readTarget(given.at, 'at')!,
    cwd,
    leftovers: readLeftovers(given),
    scratch,
  };
}
