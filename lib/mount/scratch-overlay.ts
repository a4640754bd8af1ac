// A live throw-away overlay, which can be made pristine again behind the same path.
import { OverlayError } from '../diagnosis/overlay-error.ts';
import type { AnyOverlayOptions, LayerSource, PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { O_CLOEXEC } from '../kernel/constants.ts';
import { Program } from '../kernel/program.ts';
import { type Routine, runAsync, runSync } from '../kernel/routine.ts';
import { type Change, isRootTime } from '../layer/change.ts';
import type { ChangeList } from '../layer/change-list.ts';
import type { ChangeOptions } from '../layer/changes.ts';
import { rememberSource } from '../layer/changes-source.ts';
import { changeList } from '../layer/opened-changes.ts';
import type { StackOptions, StackSpec } from '../layer/stack-spec.ts';
import { explainedNamespace } from './explained-namespace.ts';
import { rangedNamespace } from './id-ranges.ts';
import type { KeepOptions } from './keep.ts';
import type { Made } from './made.ts';
import { MountedOverlay, type Overlay } from './overlay.ts';
import { refuse } from './refuse.ts';
import type { MountRequest } from './spec.ts';
import type { Layer } from './spec-paths.ts';
import { birthOfUpper, isUntouched, rootState } from './upper-root.ts';
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
  /**
   * The layers, as `openStack`, `planApply` and `apply` take them, the upper by its descriptor: it is good as long as the
   * overlay lives, and is the upper of now, also after a reset.
   */
  readonly layers: StackSpec;
  /** Changes are kept in memory; otherwise below `upperOn`. */
  readonly inMemory: boolean;
  /**
   * What was changed: `await` gives an array, `for await` one after the other as they are found. See `Stack.changes` for
   * what they say; that the root has another time, as whenever something in it came or went, is left out. Nobody should write to
   * the overlay meanwhile.
   *
   * @throws {OverlayError} when it is asked for: ERR_OVERLAY_ENDED, ERR_OVERLAY_RESETTING
   */
  changes(options?: ChangeOptions): ChangeList;
  /**
   * Writes what it has become into a new directory, which appears under its name when it is whole and on disk. The overlay
   * goes on. Nobody should write to it meanwhile.
   *
   * @throws {OverlayError} ERR_OVERLAY_EXISTS, ERR_OVERLAY_KEPT_INSIDE, ERR_OVERLAY_OWNER_NOT_KEPT, ERR_OVERLAY_NO_SPACE
   *   and the like; nothing is left then
   */
  keep(dir: PathLike, options?: KeepOptions): Promise<void>;
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

// A layer as other readers take it.
const asSource = ({ absolute, fd }: Layer): LayerSource => absolute ?? { fd: fd! };

function withoutRootTime(change: Change): Change | undefined {
  return isRootTime(change) ? undefined : change;
}

// The root of an overlay without root belongs to this user, whoever has the lower's.
function withoutOwnRoot(change: Change): Change | undefined {
  if (change.path !== '.') return change;
  return withoutRootTime({ ...change, what: change.what.filter((part) => part !== 'owner') });
}

export class ScratchOverlay extends MountedOverlay implements Scratch {
  readonly #source: ScratchSource;
  readonly #request: MountRequest;
  #resetting: Promise<void> | undefined;

  constructor(request: MountRequest, made: Made, source: ScratchSource) {
    super(request, made, source.own);
    this.#source = source;
    this.#request = request;
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

  /** Of the user namespace that it belongs to, which a process that mounts it has to enter; undefined: of none. */
  *namespace(): Routine<number | undefined> {
    return this.#request.rootless === true ? yield* explainedNamespace(this.#request) : undefined;
  }

  /** Whether its root belongs to whom the lower's root belongs. */
  get hasOwnerOfLower(): boolean {
    return this.#request.rootless !== true;
  }

  /** For {@link isUntouched}, as it is now. */
  rootState(): Buffer {
    return rootState(this.made.claims[0]!);
  }

  isUntouched(since: Buffer): boolean {
    return isUntouched(this.made.claims[0]!, since);
  }

  get inMemory(): boolean {
    return this.#source.own === undefined;
  }

  get layers(): StackSpec {
    this.#mustRest();
    // Throws when it has ended.
    void this.fd;
    const { lower, data, rootless, given } = this.#request;
    const { userxattr, redirectDir, metacopy }: AnyOverlayOptions = given.options ?? {};
    const options: { -readonly [K in keyof StackOptions]: StackOptions[K] } = {};
    if (rootless === true || userxattr === true) options.userxattr = true;
    if (redirectDir !== undefined) options.redirectDir = redirectDir;
    if (metacopy !== undefined) options.metacopy = metacopy;
    const upper = this.made.claims[0]!;
    const since = birthOfUpper(upper);
    return {
      lower: lower.map(asSource),
      ...(data.length > 0 && { data: data.map(asSource) }),
      upper: { fd: upper },
      options,
      ...(since !== undefined && { since }),
    };
  }

  changes(options?: ChangeOptions): ChangeList {
    const tells = this.#request.rootless === true ? withoutOwnRoot : withoutRootTime;
    // Loaded when it is needed: whoever only wants a view starts the sooner.
    const open = async () => await (await import('../layer/stack.ts')).openStack(this.layers);
    return rememberSource(changeList(open, options, tells), { layers: () => this.layers, open });
  }

  async keep(dir: PathLike, options: KeepOptions = {}): Promise<void> {
    const { lower, data = [], upper, since, options: asked } = this.layers;
    const lowers = [...(lower as readonly LayerSource[]), ...data];
    const { fd: made } = upper as { fd: number };
    const namespace = this.#request.idRanges ? await runAsync(rangedNamespace()) : undefined;
    const { keep } = await import('./keep.ts');
    const dialect = asked?.userxattr === true ? 'user' : 'trusted';
    const source = {
      view: this.fd,
      upper: made,
      lowers,
      shown: this.path,
      since,
      dialect,
      namespace,
    } as const;
    await keep(source, dir, options);
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
      program.add('dup3', 0, fresh[i]!, fd, O_CLOEXEC);
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
