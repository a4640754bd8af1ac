// What a rule about an error inside a live overlay is: a test on facts, and the finding when it fits. Rules do no I/O.
import { type Finding, shown } from './overlay-error.ts';
import type { RunTimeFacts } from './run-time.ts';

type Found = Omit<Finding, 'code'>;

export interface RunTimeRule {
  /** The stable code; docs/errors.md has a line for each. */
  readonly code: string;
  /** The errnos (positive) that it can be the cause of. */
  readonly errnos: readonly number[];
  /** What fits; undefined when the rule does not. */
  readonly find: (facts: RunTimeFacts) => Found | undefined;
}

export const quote = (path: string | Uint8Array): string => JSON.stringify(shown(path));

/** The path as the error has it, in quotes, or what stands for it. */
export function pathOf({ failure }: RunTimeFacts): string {
  return failure.path === undefined ? 'the file' : quote(failure.path);
}

/** A finding about the path of the error. */
export function about(facts: RunTimeFacts, sentence: string, hint: string): Found {
  const { path } = facts.failure;
  return { sentence, hint, ...(path === undefined ? {} : { path: shown(path) }) };
}
