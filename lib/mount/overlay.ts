// A live overlay: what a program holds of a mount that it made, until it unmounts it or forgets it.
import { explainMountFailure } from '../diagnosis/mount-failure.ts';
import { OverlayError, shown } from '../diagnosis/overlay-error.ts';
import { PROPAGATION_FLAGS } from '../format/attributes.ts';
import type { MountSpec, PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { callSync } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  MOVE_MOUNT_F_EMPTY_PATH,
  MOVE_MOUNT_T_SYMLINKS,
  O_DIRECTORY,
  O_PATH,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { type Ending, endMount, readUnmountOptions } from './end-mount.ts';
import { stopWatching, watchAttached, watchForgotten } from './forgotten.ts';
import type { Made } from './made.ts';
import { Plan } from './plan.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import { readTarget, type Target } from './spec-paths.ts';
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

function frozen(given: Readonly<MountSpec>, work: OwnWork | undefined): Readonly<MountSpec> {
  const copy = { ...given } as Record<string, unknown>;
  for (const [name, value] of Object.entries(copy)) {
    if (Array.isArray(value)) copy[name] = Object.freeze([...value]);
    else if (value?.constructor === Object) copy[name] = Object.freeze({ ...value });
  }
  if (work !== undefined) copy.work = shown(work.layer.path!);
  return Object.freeze(copy) as unknown as MountSpec;
}

/** Handles by mount id, so that `unmount(target)` in the same process ends the handle too. */
const attachedHandles = new Map<string, WeakRef<MountedOverlay>>();

export function handleOf(mountId: Uint8Array): MountedOverlay | undefined {
  return attachedHandles.get(Buffer.from(mountId).toString('latin1'))?.deref();
}

export class MountedOverlay implements Overlay {
  readonly via: 'fsopen' | 'mount';
  readonly fallbacks: readonly string[];
  readonly #request: MountRequest;
  readonly #made: Made;
  readonly #work: OwnWork | undefined;
  #spec: Readonly<MountSpec> | undefined;
  #target: Target | undefined;
  #fd: number | undefined;
  #ended = false;

  constructor(request: MountRequest, made: Made, work: OwnWork | undefined) {
    this.via = made.via;
    this.fallbacks = made.fallbacks;
    this.#request = request;
    this.#made = made;
    this.#work = work;
    this.#target = request.target;
    this.#fd = made.mount;
    if (this.#target !== undefined) this.#remember();
    watchForgotten(this, made, this.#target === undefined);
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

  get attached(): boolean {
    return this.#target !== undefined && !this.#ended;
  }

  get spec(): Readonly<MountSpec> {
    this.#spec ??= frozen(this.#request.given, this.#work);
    return this.#spec;
  }

  async attach(target: PathLike): Promise<void> {
    await runAsync(this.#attach(target));
  }

  attachSync(target: PathLike): void {
    runSync(this.#attach(target));
  }

  async unmount(options?: UnmountOptions): Promise<void> {
    await runAsync(this.end(options));
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
      id: this.#made.id,
      fd: this.#fd,
      claims: this.#made.claims,
      work: this.#work,
      lazy,
    };
    try {
      yield* endMount(ending);
    } catch (error) {
      this.#ended = false;
      // The descriptor had to go first: it would have kept the mount busy itself.
      if (this.#target !== undefined) this.#fd = undefined;
      throw error;
    }
    attachedHandles.delete(this.#made.id.toString('latin1'));
    stopWatching(this);
  }

  *#attach(path: PathLike): Routine<void> {
    this.#mustLive();
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
    const plan = new Plan();
    const how = MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS;
    plan.about(target, 'move_mount', 0, this.#fd!, '', AT_FDCWD, target.absolute, how);
    const { propagation } = this.#request;
    if (propagation !== undefined) {
      plan.add('mount_setattr', 0, this.#fd!, '', AT_EMPTY_PATH, 0, 0, PROPAGATION_FLAGS[propagation], -1);
    }
    try {
      yield* plan.program.run();
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw yield* explainMountFailure(error, { directories: [target], subject: target });
    }
    this.#target = target;
    this.#remember();
    watchAttached(this, this.#made, this.#fd!);
  }

  #remember(): void {
    attachedHandles.set(this.#made.id.toString('latin1'), new WeakRef(this));
  }

  #mustLive(): void {
    if (!this.#ended) return;
    throw new OverlayError([
      {
        code: 'ERR_OVERLAY_ENDED',
        sentence: 'this overlay has been unmounted',
        hint: 'use it before unmount(), or mount again',
      },
    ]);
  }
}
