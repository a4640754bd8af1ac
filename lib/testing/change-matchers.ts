// Assertions over what a fork has become: a matcher for expect of vitest and Jest, and a function for node:assert.
import { AssertionError } from 'node:assert';
import type { Change } from '../layer/index.ts';
import { refuse } from '../mount/refuse.ts';
import { changeLine, type ExpectedChange, judge } from './expected-changes.ts';

/** What can be looked at: a fork, or what its `changes()` gave. */
export type Changed = { changes(): PromiseLike<Change[]> } | readonly Change[];

/** For `declare module 'vitest' { interface Matchers<T> extends ChangeMatchers {} }`. */
export interface ChangeMatchers<R = Promise<void>> {
  /**
   * These changes and no others, in any order; without an argument: any change at all. Await it.
   *
   * @example await expect(dir).toHaveChanges(['added logs/', 'added logs/today.txt', 'modified config.json']);
   */
  toHaveChanges(expected?: readonly ExpectedChange[]): R;
}

/** What a matcher is given by expect, of that what is used. */
interface MatcherState {
  readonly isNot?: boolean;
  readonly utils: { diff(expected: unknown, actual: unknown): string | null | undefined };
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

async function changesOf(changed: unknown): Promise<readonly Change[]> {
  if (Array.isArray(changed)) return changed;
  const { changes } = Object(changed) as { changes?: unknown };
  if (typeof changes === 'function') return await changes.call(changed);
  return refuse(
    'ERR_OVERLAY_INVALID_TYPE',
    { option: 'received' },
    'toHaveChanges and assertChanges look at a fork, or at an array of changes, and got something else',
    'pass the fork itself, not its path',
  );
}

const listed = (lines: readonly string[]): string => lines.map((line) => `\n  ${line}`).join('');

async function toHaveChanges(
  this: MatcherState,
  received: unknown,
  expected?: readonly ExpectedChange[],
): Promise<MatcherResult> {
  const changes = await changesOf(received);
  if (expected === undefined) {
    const lines = changes.map(changeLine);
    const message = () =>
      lines.length === 0
        ? 'expected the fork to have changes, and it has none'
        : `expected the fork to have no changes, and it has ${lines.length}:${listed(lines)}`;
    return { pass: lines.length > 0, message };
  }
  const verdict = judge(changes, expected);
  const message = () =>
    verdict.pass
      ? `expected the fork to have other changes than:${listed(verdict.actual)}`
      : `expected the fork to have these changes and no others:\n\n${this.utils.diff(verdict.expected, verdict.actual)}`;
  return { pass: verdict.pass, message };
}

/** For `expect.extend(overlayMatchers)`. */
export const overlayMatchers: {
  toHaveChanges(
    this: MatcherState,
    received: unknown,
    expected?: readonly ExpectedChange[],
  ): Promise<MatcherResult>;
} = { toHaveChanges };

/**
 * Fails unless the fork has these changes and no others, in any order.
 *
 * @throws {AssertionError} with a diff of lines such as `modified config.json (content)`
 * @throws {OverlayError} when what has changed cannot be known, or `expected` is no list of changes
 */
export async function assertChanges(changed: Changed, expected: readonly ExpectedChange[]): Promise<void> {
  const { pass, actual, expected: wanted } = judge(await changesOf(changed), expected);
  if (pass) return;
  throw new AssertionError({
    actual,
    expected: wanted,
    operator: 'deepStrictEqual',
    stackStartFn: assertChanges,
  });
}
