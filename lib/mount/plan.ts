// A mount as a program of system calls, with a note of what each step is about.
import type { Subject } from '../diagnosis/subject.ts';
import { ENOENT } from '../kernel/errno.ts';
import { Program, type ProgramPlace } from '../kernel/program.ts';

/** A program under construction, and where its results are. */
export class Plan {
  readonly program: Program;
  /** Steps from this one on find the mount in place. */
  inPlaceFrom: number = Number.POSITIVE_INFINITY;
  /** Gives the mount's root; kept when the mount is detached. */
  mount: number | undefined;
  /** Gives a copy of a mount(2) mount that can be attached, where the kernel makes one. */
  clone: number | undefined;
  /** Gives struct statx of the mount's root; absent when the mount is detached. */
  identity: number | undefined;
  /** Fails when the directory that an upper is made like has extended attributes. */
  plainLower: number | undefined;
  /** Fails when overlays have used the upper before; absent when nobody wants to know. */
  unusedUpper: number | undefined;
  /** Gives what the driver left in the work directory. */
  leftover: number | undefined;
  /** Locked directories, kept as long as the overlay. */
  readonly claims: number[] = [];
  readonly #subjects: (Subject | undefined)[] = [];

  constructor(given?: readonly number[], place?: ProgramPlace) {
    this.program = new Program(given, place);
  }

  /** The program, whose next step is about `subject`. */
  about(subject: Subject | undefined): Program {
    this.#subjects[this.program.steps] = subject;
    return this.program;
  }

  /** From the next step on, a failure has to take the mount down again. */
  placed(): void {
    this.inPlaceFrom = this.program.steps;
  }

  /** After the run: the work directory has not been one before. */
  get freshWork(): boolean {
    return this.leftover !== undefined && this.program.value(this.leftover) === -ENOENT;
  }

  /** After the run: overlays have used the upper before, and none this work directory. */
  get usedElsewhere(): boolean {
    return this.freshWork && this.unusedUpper !== undefined && this.program.value(this.unusedUpper) < 0;
  }

  subjectOf(step: number): Subject | undefined {
    return this.#subjects[step];
  }
}
