// What a rule of the diagnosis is: a test on facts, and the finding when it fits. Rules do no I/O.
import type { MountFacts } from './mount-facts.ts';
import type { Finding } from './overlay-error.ts';

export interface Rule {
  /** The stable code; docs/errors.md has a line for each. */
  readonly code: string;
  /** The errnos (positive) that the kernel answers then, by either family of calls. */
  readonly errnos: readonly number[];
  /** What fits, the first first; none when the rule does not. */
  readonly find: (facts: MountFacts) => readonly Omit<Finding, 'code'>[];
}

/** A finding, and the errnos that it can be the cause of. */
export interface Ruled {
  readonly finding: Finding;
  readonly errnos: readonly number[];
}

/** All findings of the rules, in their order. */
export function applyRules(rules: readonly Rule[], facts: MountFacts): Ruled[] {
  return rules.flatMap(({ code, errnos, find }) =>
    find(facts).map((found) => ({ finding: { code, ...found }, errnos })),
  );
}
