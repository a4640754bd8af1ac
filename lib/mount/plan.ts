// A mount as a program of system calls, with a note of what each step is about.
import type { Subject } from '../diagnosis/subject.ts';
import { Program } from '../kernel/program.ts';
import type { CallSignatures } from '../kernel/signatures.ts';

/** A program under construction, and where its results are. */
export class Plan {
  readonly program: Program;
  /** Steps from this one on find the mount in place. */
  inPlaceFrom: number = Number.POSITIVE_INFINITY;
  /** Gives the mount's root; kept when the mount is detached. */
  mount: number | undefined;
  /** Gives a copy of a mount(2) mount that can be attached, where the kernel makes one. */
  clone: number | undefined;
  /** Gives struct statx of the mount's root. */
  identity: number | undefined;
  /** Locked directories, kept as long as the overlay. */
  readonly claims: number[] = [];
  readonly #subjects: (Subject | undefined)[] = [];

  constructor(given?: readonly number[]) {
    this.program = new Program(given);
  }

  /** Adds a step that is about `subject`. */
  about<K extends keyof CallSignatures>(
    subject: Subject | undefined,
    name: K,
    flags: number,
    ...args: CallSignatures[K]
  ): number {
    this.#subjects.push(subject);
    return this.program.add(name, flags, ...args);
  }

  /** Adds a step that is about the mount as a whole. */
  add<K extends keyof CallSignatures>(name: K, flags: number, ...args: CallSignatures[K]): number {
    return this.about(undefined, name, flags, ...args);
  }

  /** From the next step on, a failure has to take the mount down again. */
  placed(): void {
    this.inPlaceFrom = this.#subjects.length;
  }

  subjectOf(step: number): Subject | undefined {
    return this.#subjects[step];
  }
}
