// What a system call was about, in the user's words: which option, which of many, which path.
import { shown } from './overlay-error.ts';

/** The part of a mount that a step of its program deals with. */
export interface Subject {
  /** `'lower' | 'data' | 'upper' | 'work' | 'target'`, or the name of an option. */
  readonly option: string;
  /** Which of many, from 0. */
  readonly index?: number | undefined;
  /** As given; absent for a descriptor. */
  readonly path?: string | Uint8Array | undefined;
}

/** A directory of the mount, by its path or as a descriptor. */
export interface Directory extends Subject {
  readonly absolute?: string | Uint8Array | undefined;
  readonly fd?: number | undefined;
}

/** `lower 3 ("/a/b")`, `upper ("/u")`, `option index`. */
export function subjectText(subject: Subject): string {
  const number = subject.index === undefined ? '' : ` ${subject.index}`;
  const path = subject.path === undefined ? '' : ` (${JSON.stringify(shown(subject.path))})`;
  return `${subject.option}${number}${path}`;
}

/** The fields of a finding that say where. */
export function placeOf(subject: Subject): { option: string; index?: number; path?: string } {
  return {
    option: subject.option,
    ...(subject.index === undefined ? {} : { index: subject.index }),
    ...(subject.path === undefined ? {} : { path: shown(subject.path) }),
  };
}
