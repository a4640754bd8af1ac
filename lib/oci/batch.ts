// Calls for many entries below one root, sent to the kernel by the hundred: a job for each would cost more than the calls.
//
// A job awaited alone costs 12 µs and more (docs/decisions.md has what unpacking takes so). While a batch runs the next one is filled.
import {
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  RESOLVE_BENEATH,
  RESOLVE_NO_MAGICLINKS,
  RESOLVE_NO_SYMLINKS,
  RESOLVE_NO_XDEV,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { Program } from '../kernel/program.ts';
import { explained } from './failure.ts';
import type { TreeNode } from './tree.ts';

/** Every link was resolved before (tree.ts): one that is met here somebody else has put there. */
export const CONFINED: number =
  RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

const MOST_STEPS = 1500;
const MOST_BYTES = 256 * 1024;
// They stay open until the batch ends.
const MOST_DIRECTORIES = 128;

/** A name as the addon takes it: text would be written as UTF-8. */
export function nameBytes(latin1: string): string | Buffer {
  for (let i = 0; i < latin1.length; i++)
    if (latin1.charCodeAt(i) > 0x7f) return Buffer.from(latin1, 'latin1');
  return latin1;
}

interface Owner {
  readonly step: number;
  readonly path: string;
}

/** Failures say what they mean for the entry at hand, `refused` first. */
export type Refused = (error: KernelError, path: string) => Error | undefined;

export class Batches {
  readonly root: number;
  program: Program = new Program();
  readonly #shown: string;
  readonly #refused: Refused;
  #bytes = 0;
  #owners: Owner[] = [];
  readonly #directories = new Map<TreeNode, number>();
  #running: Promise<void> = Promise.resolve();

  /** @param shown the root's path, for messages */
  constructor(root: number, shown: string, refused: Refused) {
    this.root = root;
    this.#shown = shown;
    this.#refused = refused;
  }

  /** The calls that follow are about this path. */
  about(path: string): void {
    this.#owners.push({ step: this.program.steps, path });
  }

  /** So much content goes into the batch. */
  weigh(bytes: number): void {
    this.#bytes += bytes;
  }

  get full(): boolean {
    return (
      this.#bytes > MOST_BYTES || this.program.steps > MOST_STEPS || this.#directories.size > MOST_DIRECTORIES
    );
  }

  /** A descriptor of the directory, for this batch: only for names in it. */
  directory(node: TreeNode): number {
    if (node.parent === undefined) return this.root;
    const known = this.#directories.get(node);
    if (known !== undefined) return known;
    const above = this.#directories.get(node.parent);
    const flags = O_PATH | O_DIRECTORY | O_NOFOLLOW;
    const step =
      above === undefined
        ? this.program.add('openat2', 0, this.root, nameBytes(node.path), flags, 0, CONFINED)
        : this.program.add('openat2', 0, above, nameBytes(node.name), flags, 0, CONFINED);
    this.#directories.set(node, step);
    return step;
  }

  /** Sends what has been gathered, once the batch before is done. */
  async send(): Promise<void> {
    const { program } = this;
    const owners = this.#owners;
    this.program = new Program();
    this.#owners = [];
    this.#bytes = 0;
    this.#directories.clear();
    await this.#running;
    if (program.steps === 0) return;
    this.#running = this.run(program, owners);
    // Thrown when it is next waited for.
    this.#running.catch(() => {});
  }

  /** Sends the rest and waits until all is done. @throws {OverlayError} of what failed first */
  async settle(): Promise<void> {
    await this.send();
    await this.#running;
  }

  /** Lets what runs come to its end, whatever that is. */
  async stop(): Promise<void> {
    await this.#running.catch(() => {});
  }

  async run(program: Program, owners: readonly Owner[]): Promise<void> {
    try {
      await program.later();
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      throw this.explained(error, owners.findLast(({ step }) => step <= error.step)?.path ?? '');
    }
  }

  /** What was thrown while something was done at a path below the root. */
  explained(error: unknown, path: string): unknown {
    const shown = path === '' ? this.#shown : `${this.#shown}/${Buffer.from(path, 'latin1')}`;
    return (
      (error instanceof KernelError ? this.#refused(error, shown) : undefined) ?? explained(error, shown)
    );
  }
}
