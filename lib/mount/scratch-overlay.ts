// A live throw-away overlay, which can be made pristine again behind the same path.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { Program } from '../kernel/program.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import type { Made } from './made.ts';
import { MountedOverlay, type Overlay } from './overlay.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import type { OwnWork } from './work-directory.ts';

/** A throw-away overlay: what was changed in it is gone with it. */
export interface Scratch extends Overlay {
  /**
   * Makes it pristine: path and descriptor stay, what was changed is gone. What is open in it, or works in it, stays in
   * the view of before.
   *
   * @throws {OverlayError} ERR_OVERLAY_ENDED, ERR_OVERLAY_ATTACHED, ERR_OVERLAY_RESETTING, or why it cannot be made anew
   */
  reset(): Promise<void>;
  /** {@link reset} without a promise. */
  resetSync(): void;
}

/** Where throw-away overlays of one kind come from. */
export interface ScratchSource {
  /** Another one, over the same lowers. */
  readonly make: () => Routine<Made>;
  /** Called when the latest has taken the place of those before. */
  readonly tidy: () => Routine<void>;
  /** What is to be removed at the end. */
  readonly own: OwnWork | undefined;
}

export class ScratchOverlay extends MountedOverlay implements Scratch {
  readonly #source: ScratchSource;
  #resetting: Promise<void> | undefined;

  constructor(request: MountRequest, made: Made, source: ScratchSource) {
    super(request, made, source.own);
    this.#source = source;
  }

  async reset(): Promise<void> {
    this.#mustRest();
    this.#resetting = runAsync(this.#reset()).finally(() => {
      this.#resetting = undefined;
    });
    await this.#resetting;
  }

  resetSync(): void {
    this.#mustRest();
    runSync(this.#reset());
  }

  override async attach(target: PathLike): Promise<void> {
    this.#mustRest();
    await super.attach(target);
  }

  override attachSync(target: PathLike): void {
    this.#mustRest();
    super.attachSync(target);
  }

  override async unmount(options?: UnmountOptions): Promise<void> {
    // It puts mounts behind numbers that must not be somebody else's by then.
    await this.#resetting?.catch(() => {});
    await super.unmount(options);
  }

  override unmountSync(options?: UnmountOptions): void {
    this.#mustRest();
    super.unmountSync(options);
  }

  *#reset(): Routine<void> {
    // Throws when it has ended.
    const fds = [this.fd, ...this.made.claims];
    if (this.attached) {
      refuse(
        'ERR_OVERLAY_ATTACHED',
        { option: 'target' },
        'the overlay is attached, and whoever uses it there would stay in the view of before',
        'unmount it and make another',
      );
    }
    const made = yield* this.#source.make();
    const fresh = [made.mount!, ...made.claims];
    const program = new Program(fresh);
    fds.forEach((fd, i) => {
      program.add('dup3', 0, fresh[i]!, fd, 0);
    });
    yield* program.run();
    this.replaced({ ...made, mount: this.made.mount, claims: this.made.claims });
    yield* this.#source.tidy();
  }

  #mustRest(): void {
    if (this.#resetting === undefined) return;
    throw new OverlayError([
      {
        code: 'ERR_OVERLAY_RESETTING',
        sentence: 'the overlay is being reset',
        hint: 'await reset() first',
      },
    ]);
  }
}
