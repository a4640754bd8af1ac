// A live overlay: what a program holds of a mount that it made, until it unmounts it or forgets it.
import { OverlayError, shown } from '../diagnosis/overlay-error.ts';
import type { MountSpec, PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { callSync } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_PATH } from '../kernel/constants.ts';
import { readOverlayTable } from '../kernel/mount-table.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { mountIdIn, mountIdNumber, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import { attachMount, spreadByPath } from './attach.ts';
import { forgetDetached, rememberDetached } from './detached-uppers.ts';
import { type Ending, endMount, readUnmountOptions } from './end-mount.ts';
import { type Detached, stopWatching, watchForgotten } from './forgotten.ts';
import { frozenSpec } from './given-spec.ts';
import type { Made } from './made.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import { readTarget, type Target } from './spec-paths.ts';
import { noteEnded } from './volatile.ts';
import type { OwnWork } from './work-directory.ts';

/** A live overlay. Disposing it unmounts it. */
export interface Overlay extends AsyncDisposable, Disposable {
  /** Where to read and write: the target, or `/proc/<pid>/fd/N` while detached (good in child processes of the same user too). */
  readonly path: string;
  /** The mount's root. Of an attached overlay it is opened at first use, since it keeps others from unmounting. */
  readonly fd: number;
  readonly attached: boolean;
  /** What was asked for, frozen, with the work directory that was made. */
  readonly spec: Readonly<MountSpec>;
  /** Which system calls made it. */
  readonly via: 'fsopen' | 'mount';
  /** Why not a better way: a sentence for each that was not open. */
  readonly fallbacks: readonly string[];
  /** Puts a detached overlay into the file tree. @throws {OverlayError} */
  attach(target: PathLike): Promise<void>;
  attachSync(target: PathLike): void;
  /** Ends it; nothing happens when it has ended. @throws {OverlayError} ERR_OVERLAY_BUSY and others */
  unmount(options?: UnmountOptions): Promise<void>;
  unmountSync(options?: UnmountOptions): void;
}

// Handles of attached overlays by mount id, so that `unmount(target)` in the same thread ends the handle too. They are
// held: the locks are to stay as long as the mount, also when the program forgets the handle.
const attachedHandles = new Map<bigint, MountedOverlay>();

export function handleOf(mountId: Buffer): MountedOverlay | undefined {
  return attachedHandles.get(mountIdNumber(mountId));
}

/** Ends the handles of overlays that somebody else has unmounted: their locks would refuse the next mount. */
export function* sweepHandles(): Routine<void> {
  // Before the table: what is mounted while it is read is not in it, and lives.
  const handles = [...attachedHandles];
  if (handles.length === 0) return;
  const table = yield* readOverlayTable();
  if (table.some((entry) => entry.uniqueId === undefined)) return;
  const live = new Set(table.map((entry) => entry.uniqueId));
  for (const [id, handle] of handles) if (!live.has(id)) yield* handle.end();
}

export class MountedOverlay implements Overlay {
  readonly via: 'fsopen' | 'mount';
  readonly fallbacks: readonly string[];
  #spec: Readonly<MountSpec> | undefined;
  readonly #request: MountRequest;
  #made: Made;
  readonly #work: OwnWork | undefined;
  readonly #watched: Detached | undefined;
  #target: Target | undefined;
  #fd: number | undefined;
  #ended = false;
  #attaching = false;
  #ending: Promise<void> | undefined;

  constructor(request: MountRequest, made: Made, work: OwnWork | undefined) {
    this.via = made.via;
    this.fallbacks = made.fallbacks;
    this.#request = request;
    this.#made = made;
    this.#work = work;
    this.#target = request.target;
    this.#fd = made.mount;
    if (this.#target !== undefined) this.#remember();
    else {
      this.#watched = { given: request.given, work, fds: [made.mount!, ...made.claims] };
      watchForgotten(this, this.#watched);
      rememberDetached(made.claims);
    }
  }

  get spec(): Readonly<MountSpec> {
    this.#spec ??= frozenSpec(this.#request.given, this.#work);
    return this.#spec;
  }

  get path(): string {
    if (this.#target !== undefined) return shown(this.#target.absolute);
    return `/proc/${process.pid}/fd/${this.fd}`;
  }

  get fd(): number {
    this.#mustLive();
    if (this.#fd === undefined) {
      this.#fd = callSync('openat', AT_FDCWD, this.#target!.absolute, O_PATH | O_DIRECTORY, 0);
    }
    return this.#fd;
  }

  /** Another mount has taken the place of this one, behind the same descriptors. */
  protected replaced(made: Made): void {
    this.#made = made;
    rememberDetached(made.claims);
  }

  /** What the mount is made of. */
  get made(): Made {
    return this.#made;
  }

  /** 8 bytes, as struct statx has it. */
  get mountId(): Buffer {
    const id = this.#made.id ?? mountIdIn(callSync('statx', this.fd, '', AT_EMPTY_PATH, STATX_BEST_MNT_ID));
    if (this.#made.id === undefined) this.#made = { ...this.#made, id };
    return id;
  }

  get attached(): boolean {
    return this.#target !== undefined && !this.#ended;
  }

  async attach(target: PathLike): Promise<void> {
    await runAsync(this.#attachOnce(target));
  }

  attachSync(target: PathLike): void {
    runSync(this.#attachOnce(target));
  }

  async unmount(options?: UnmountOptions): Promise<void> {
    // Who asks again meanwhile waits for the same end.
    this.#ending ??= runAsync(this.end(options)).finally(() => {
      this.#ending = undefined;
    });
    await this.#ending;
  }

  unmountSync(options?: UnmountOptions): void {
    runSync(this.end(options));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.unmount();
  }

  [Symbol.dispose](): void {
    this.unmountSync();
  }

  /** The body of unmount. */
  *end(options?: UnmountOptions): Routine<void> {
    const lazy = readUnmountOptions(options);
    if (this.#ended) return;
    this.#ended = true;
    const ending: Ending = {
      target: this.#target,
      id: this.#target === undefined ? undefined : this.mountId,
      fd: this.#fd,
      claims: this.#made.claims,
      work: this.#work,
      lazy,
    };
    forgetDetached(this.#made.claims);
    let left: OverlayError | undefined;
    try {
      left = yield* endMount(ending);
    } catch (error) {
      this.#ended = false;
      // The descriptor had to go before the unmount: it would have kept the mount busy itself.
      const tried = error instanceof OverlayError && error.syscall === 'umount2';
      if (this.#target !== undefined && tried) this.#fd = undefined;
      throw error;
    }
    const { upper, given } = this.#request;
    // Taken out of sight it may live on.
    if (upper !== undefined && !lazy && given.options !== undefined) yield* noteEnded(upper, given.options);
    if (this.#target !== undefined) attachedHandles.delete(mountIdNumber(this.mountId));
    if (this.#watched !== undefined) stopWatching(this, this.#watched);
    if (left !== undefined) throw left;
  }

  // Two at once would both find it detached.
  *#attachOnce(path: PathLike): Routine<void> {
    this.#mustLive();
    if (this.#attaching) {
      const hint = 'await the first attach()';
      refuse('ERR_OVERLAY_ATTACHED', { option: 'target' }, 'the overlay is being attached already', hint);
    }
    this.#attaching = true;
    try {
      yield* this.#attach(path);
    } finally {
      this.#attaching = false;
    }
  }

  *#attach(path: PathLike): Routine<void> {
    const target = readTarget(path);
    if (target === undefined)
      refuse('ERR_OVERLAY_INVALID_TYPE', { option: 'target' }, 'target is missing', 'name a directory');
    if (this.#target !== undefined) {
      const where = JSON.stringify(shown(this.#target.path));
      refuse(
        'ERR_OVERLAY_ATTACHED',
        target,
        `the overlay is attached at ${where} already`,
        'unmount it there and mount it anew',
      );
    }
    if (!this.#made.attachable) {
      refuse(
        'ERR_OVERLAY_NOT_ATTACHABLE',
        target,
        'a detached overlay that was made by mount(2) without open_tree(2) cannot be attached',
        'give target when mounting',
      );
    }
    const { propagation } = this.#request;
    // By it the handle is found of what is attached.
    void this.mountId;
    const spread = yield* attachMount(this.#fd!, target, propagation);
    this.#target = target;
    this.#remember();
    stopWatching(this, this.#watched!);
    // The overlay stays attached when this fails.
    if (!spread) yield* spreadByPath(target, propagation!);
  }

  #remember(): void {
    attachedHandles.set(mountIdNumber(this.mountId), this);
  }

  #mustLive(): void {
    if (!this.#ended) return;
    const hint = 'use it before unmount(), or mount again';
    throw new OverlayError([
      { code: 'ERR_OVERLAY_ENDED', sentence: 'this overlay has been unmounted', hint },
    ]);
  }
}
