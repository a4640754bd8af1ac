// A private temporary directory for one test, gone at its end with everything that was mounted below it.

import { chmodSync, mkdirSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, type TestContext } from 'vitest';
import { type Mounted, unmountBelow } from './mounts.ts';
import { removeTree } from './remove-tree.ts';
import { currentTestContext } from './requirement.ts';

export interface LayerDirectories {
  /** Top first, as the kernel counts. */
  lower: string[];
  upper: string;
  work: string;
  target: string;
}

export interface LayerRequest {
  lower?: number;
  upper?: boolean;
  work?: boolean;
  target?: boolean;
}

export class Scratch implements Disposable {
  #path: string | undefined;
  readonly #afterUnmount: (() => void)[] = [];

  /** The directory, made when it is first asked for. */
  get path(): string {
    if (this.#path === undefined) {
      this.#path = mkdtempSync(join(realpathSync(tmpdir()), 'overlayfs-test-'));
      chmodSync(this.#path, 0o755);
    }
    return this.#path;
  }

  join(...names: readonly string[]): string {
    return join(this.path, ...names);
  }

  /** Makes a directory below the scratch directory, with its parents. */
  directory(...names: readonly string[]): string {
    const path = this.join(...names);
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Writes a file below the scratch directory, making its parents. */
  file(name: string, content: string | Uint8Array = ''): string {
    const path = this.join(name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, content);
    return path;
  }

  /**
   * Makes the directories of an overlay: `lower0` is the top one. Each lower holds `shared` and `from-lowerN` with its
   * name as content, and `dir/lowerN`; the upper is empty. A part given as false is not made, but its path is returned.
   */
  layers({ lower = 1, upper = true, work = true, target = true }: LayerRequest = {}): LayerDirectories {
    const names = Array.from({ length: lower }, (_, index) => `lower${index}`);
    for (const name of names) {
      this.file(`${name}/shared`, name);
      this.file(`${name}/from-${name}`, name);
      this.file(`${name}/dir/${name}`, name);
    }
    for (const [name, wanted] of Object.entries({ upper, work, target })) if (wanted) this.directory(name);
    return {
      lower: names.map((name) => this.join(name)),
      upper: this.join('upper'),
      work: this.join('work'),
      target: this.join('target'),
    };
  }

  /** Has something done when everything is unmounted and before the directory is removed. */
  afterUnmount(action: () => void): void {
    this.#afterUnmount.push(action);
  }

  [Symbol.dispose](): void {
    removeScratches([this]);
  }

  /** Three steps, so that what is mounted in one scratch directory may lie upon what is mounted in another. */
  steps(): (() => void)[] {
    const path = this.#path;
    if (path === undefined) return [];
    return [
      () => complainAbout(unmountBelow(path)),
      () => runAll(this.#afterUnmount.splice(0)),
      () => {
        this.#path = undefined;
        removeTree(path);
      },
    ];
  }
}

const scratchesOf = new WeakMap<TestContext, Scratch[]>();

/** A directory for the running test. Outside a test the caller disposes of it. */
export function scratchDirectory(): Scratch {
  const scratch = new Scratch();
  const context = currentTestContext();
  if (context === undefined) return scratch;
  const known = scratchesOf.get(context);
  if (known) known.push(scratch);
  else {
    const all = [scratch];
    scratchesOf.set(context, all);
    context.onTestFinished(() => {
      scratchesOf.delete(context);
      removeScratches(all);
    });
  }
  return scratch;
}

/** A directory for all tests of a file or of a describe block, in whose body this is called. Ask for `path` in hooks and tests. */
export function suiteScratchDirectory(): Scratch {
  const scratch = new Scratch();
  afterAll(() => scratch[Symbol.dispose]());
  return scratch;
}

function removeScratches(scratches: readonly Scratch[]): void {
  const steps = scratches.toReversed().map((scratch) => scratch.steps());
  runAll([0, 1, 2].flatMap((step) => steps.map((of) => () => of[step]?.())));
}

/** Does everything even when something fails, then fails with all of it. */
function runAll(actions: readonly (() => void)[]): void {
  const errors: unknown[] = [];
  for (const action of actions) {
    try {
      action();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, errors.map(String).join('\n'));
}

function complainAbout(busy: readonly Mounted[]): void {
  if (busy.length === 0) return;
  const names = busy.map(({ point, type }) => `${point} (${type})`).join(', ');
  throw new Error(`busy at the end of the test, so it was unmounted lazily: ${names}`);
}
