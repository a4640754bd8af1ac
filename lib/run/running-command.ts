// A command that runs over its views: like a process of child_process, and what it has changed afterwards.
import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import type { ApplyOptions } from '../change/apply.ts';
import type { ApplyPlan, PlanOptions } from '../change/plan-apply.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import type { ChangeList } from '../layer/change-list.ts';
import type { ChangeOptions } from '../layer/changes.ts';
import type { KeepOptions } from '../mount/keep.ts';
import type { Manner, RunEvents, RunningParts } from './manner.ts';
import type { RunRequest } from './options.ts';
import { isAnyFull } from './room-left.ts';
import { signalNumber } from './signal-names.ts';
import { whenClosed } from './stdio.ts';
import { viewChanges } from './view-changes.ts';
import { endViews, type View, type Views } from './views.ts';
import { type Ending, Watched } from './watched.ts';

/** How it went. */
export interface RunEnd extends Ending {
  /** Processes that the command had started were still there when it ended; they were killed, or waited for. */
  readonly leftProcesses: boolean;
}

interface Settle {
  resolve(end: RunEnd): void;
  reject(reason: unknown): void;
}

/** A command over its copy-on-write view. Disposing it kills what runs of it, and discards what it has changed. */
export class RunningCommand extends EventEmitter<RunEvents> implements AsyncDisposable {
  readonly pid: number;
  /** Null where it is no pipe. */
  readonly stdin: Writable | null;
  readonly stdout: Readable | null;
  readonly stderr: Readable | null;
  readonly stdio: readonly (Socket | null)[];
  /** Null while it runs, and when a signal ended it. */
  exitCode: number | null = null;
  /** The signal that ended it. */
  signalCode: NodeJS.Signals | null = null;
  /** A signal was sent by `kill`. */
  killed = false;
  /**
   * Settles when neither the command nor anything that it started runs any more. Rejects with the reason of the `signal`
   * that ended it, or with ERR_OVERLAY_RUN_LOST.
   */
  readonly finished: Promise<RunEnd>;
  /** What could not be covered, and is read-only for the command. */
  readonly notes: readonly Finding[];
  readonly #views: readonly View[];
  readonly #watched: Watched;
  readonly #request: RunRequest;
  readonly #end: Settle;
  readonly #settle: Manner['settle'];
  #ending: Ending | undefined;
  #leftProcesses = false;
  #over = false;
  #discarding: Promise<void> | undefined;

  constructor(request: RunRequest, views: Views, { pid, socket, streams, open, settle }: RunningParts) {
    super();
    this.pid = pid;
    this.stdio = streams;
    const [stdin = null, stdout = null, stderr = null] = streams;
    this.stdin = stdin;
    this.stdout = stdout;
    this.stderr = stderr;
    this.notes = views.notes;
    this.#views = views.views;
    this.#request = request;
    this.#settle = settle;
    let end: Settle;
    this.finished = new Promise((resolve, reject) => {
      end = { resolve, reject };
    });
    this.#end = end!;
    // Whoever does not await it is told by nothing.
    this.finished.catch(() => {});
    this.#watched = new Watched(socket, open, {
      ended: (ending) => this.#ended(ending),
      stopped: (signal) => this.emit('stop', signal),
      continued: () => this.emit('continue'),
      others: () => this.#others(),
      over: () => this.#isOver(),
    });
    request.given.signal?.addEventListener('abort', this.#abort, { once: true });
    if (request.given.signal?.aborted) this.#abort();
  }

  /** Where the view can be read and written from outside, also when the command has ended: `/proc/<pid>/fd/N`. */
  get path(): string {
    return this.#first.overlay.path;
  }

  /** Sends the command a signal; false when it has ended. Signal 0 sends nothing. */
  kill(signal: NodeJS.Signals | number = 'SIGTERM'): boolean {
    const number = signalNumber(signal);
    if (this.#ending !== undefined || this.#over) return false;
    if (number === 0) return true;
    this.killed = this.#watched.kill(number);
    return this.killed;
  }

  /** This process does not wait for the command to end; when it ends itself, the command is killed. */
  unref(): void {
    this.#watched.unref();
    for (const stream of this.stdio) stream?.unref();
  }

  ref(): void {
    this.#watched.ref();
    for (const stream of this.stdio) stream?.ref();
  }

  /**
   * What was changed: `await` gives an array, `for await` one after the other. Paths begin at `at`, or at the root
   * directory when `whole` was asked for.
   *
   * @throws {OverlayError} ERR_OVERLAY_RUN_GOING, ERR_OVERLAY_ENDED
   */
  changes(options?: ChangeOptions): ChangeList {
    this.#mustBeOver();
    return viewChanges(this.#views, options);
  }

  /**
   * True: nothing was changed, as the uppers' roots tell at once; false: `changes()` has to look.
   *
   * @throws {OverlayError} ERR_OVERLAY_RUN_GOING
   */
  isUntouched(): boolean {
    this.#mustBeOver();
    return this.#views.every(({ overlay, pristine }) => overlay.isUntouched(pristine));
  }

  /** What `apply` would do: a plan a view that something was changed in. @throws {OverlayError} as `planApply` */
  async plan(given?: PlanOptions): Promise<ApplyPlan[]> {
    this.#mustBeOver();
    // Loaded when it is needed, as what changes() needs: a command starts the sooner.
    const { plansFor, readPlanOptions } = await import('./afterwards.ts');
    const options = readPlanOptions(given);
    if (options.to !== undefined || options.paths !== undefined) this.#mustBeOne();
    return await plansFor(this.#views, options);
  }

  /**
   * Brings the changes down to the directories that they were made over, and ends the views. With several, one after the
   * other: each wholly or not at all.
   *
   * @throws {OverlayError} as `apply`; what was not applied is still there then
   */
  async apply(given?: ApplyOptions): Promise<ApplyPlan[]> {
    this.#mustBeOver();
    const { applyAll, planOptionsOf, readApplyOptions } = await import('./afterwards.ts');
    const options = readApplyOptions(given);
    const plans = await this.plan(planOptionsOf(options));
    const done = await applyAll(plans, options);
    await this.discard();
    return done;
  }

  /** Writes the changes into a new directory: see `Scratch.keep`. Default `as: 'upper'`. @throws {OverlayError} */
  async keep(dir: PathLike, options: KeepOptions = {}): Promise<void> {
    this.#mustBeOver();
    this.#mustBeOne();
    await this.#first.overlay.keep(dir, { as: 'upper', ...options });
  }

  /** Whether there is no room left for changes: what the command wrote may then be incomplete. */
  async isFull(): Promise<boolean> {
    return await isAnyFull(this.#views);
  }

  /** Nothing runs any more, and nothing would outlive this process: its changes are in memory. */
  get endsWithProcess(): boolean {
    return this.#over && this.#views.every(({ overlay }) => overlay.inMemory);
  }

  /** Kills what still runs, and lets the changes go. Once is enough. */
  async discard(): Promise<void> {
    this.#discarding ??= this.#discard();
    await this.#discarding;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.discard();
  }

  get #first(): View {
    return this.#views[0]!;
  }

  readonly #abort = (): void => {
    this.kill(this.#request.given.killSignal);
  };

  #ended(ending: Ending): void {
    this.#ending = ending;
    this.exitCode = ending.exitCode;
    this.signalCode = ending.signal;
    this.stdin?.destroy();
    this.emit('exit', ending.exitCode, ending.signal);
  }

  #others(): void {
    this.#leftProcesses = true;
    if (this.#request.leftovers === 'end') this.#watched.endAll();
  }

  #isOver(): void {
    this.#over = true;
    const { signal } = this.#request.given;
    signal?.removeEventListener('abort', this.#abort);
    if (this.#ending === undefined) {
      const sentence =
        'the process that keeps watch over the command was killed, and everything of it with it';
      const hint = 'look for who kills processes: the kernel log tells when memory has run out';
      this.#end.reject(new OverlayError([{ code: 'ERR_OVERLAY_RUN_LOST', sentence, hint }]));
    } else if (signal?.aborted) this.#end.reject(signal.reason);
    else this.#end.resolve({ ...this.#ending, leftProcesses: this.#leftProcesses });
    whenClosed(this, () => this.emit('close', this.exitCode, this.signalCode));
  }

  #mustBeOver(): void {
    if (this.#over) return;
    const sentence = 'the command, or something that it started, still runs';
    throw new OverlayError([{ code: 'ERR_OVERLAY_RUN_GOING', sentence, hint: 'await `finished` first' }]);
  }

  #mustBeOne(): void {
    if (this.#views.length === 1) return;
    const sentence = `this run has ${this.#views.length} views, and this is possible for one only`;
    const hint = 'name one directory as `at` that nothing is mounted in';
    throw new OverlayError([{ code: 'ERR_OVERLAY_RUN_SEVERAL', sentence, hint }]);
  }

  async #discard(): Promise<void> {
    if (!this.#over) {
      const over = this.finished.catch(() => {});
      this.#watched.endAll();
      await over;
    }
    for (const stream of this.stdio) stream?.destroy();
    await this.#settle(endViews({ views: this.#views }));
  }
}
