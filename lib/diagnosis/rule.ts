// What a rule of the diagnosis is: a test on facts, and the finding when it fits. Rules do no I/O.

import type { DangerFacts } from './danger-facts.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import type { MountFacts } from './mount-facts.ts';
import type { Finding } from './overlay-error.ts';
import { placeOf, subjectText } from './subject.ts';

/** A finding as a rule makes it; the code is the rule's. */
export type Found = Omit<Finding, 'code'>;

export interface Rule {
  /** The stable code; docs/errors.md has a line for each. */
  readonly code: string;
  /** The errnos (positive) that the kernel answers then, by either family of calls. */
  readonly errnos: readonly number[];
  /** What fits, the first first; none when the rule does not. */
  readonly find: (facts: MountFacts) => readonly Found[];
}

/** A rule about a mount that would succeed. */
export interface DangerRule {
  readonly code: string;
  readonly find: (facts: MountFacts, seen: DangerFacts) => readonly (Found | undefined)[];
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

/** A finding about one directory, which the sentence then begins with. */
export function about(looked: DirectoryFacts, sentence: string, hint: string): Found {
  return { sentence: `${subjectText(looked.subject)}: ${sentence}`, hint, ...placeOf(looked.subject) };
}
