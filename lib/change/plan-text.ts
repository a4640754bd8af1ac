// The steps of a plan, as they are told: a line each, what is lost first, and every conflict and obstacle.
import type { Finding } from '../format/overlay-error.ts';
import type { EntryPath, EntryType } from '../layer/change.ts';

/**
 * - `remove`: with all that is in it
 * - `move`: what the target has at `from`
 * - `write`: a file, link or device, whole
 * - `make`: a directory
 * - `link`: another name of the file at `from`
 * - `set`: owner, permissions, attributes and time of what is there
 */
export interface PlanStep {
  readonly action: 'remove' | 'move' | 'write' | 'make' | 'link' | 'set';
  readonly path: EntryPath;
  readonly type: EntryType;
  readonly from?: EntryPath;
  /** There is something at `path`, in whose place it comes. */
  readonly replaces?: true;
}

interface Told {
  readonly steps: readonly PlanStep[];
  readonly conflicts: readonly Finding[];
  readonly obstacles: readonly Finding[];
}

/** Control characters could move the cursor; bytes that are no UTF-8 are U+FFFD. */
function shown(path: EntryPath): string {
  const text = typeof path === 'string' ? path : path.toString();
  return text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, (one) => `\\u{${one.codePointAt(0)!.toString(16)}}`);
}

/** `write etc/hosts (replaces)`. */
export function stepLine({ action, path, type, from, replaces }: PlanStep): string {
  const place = `${shown(path)}${type === 'directory' && path !== '.' ? '/' : ''}`;
  const way = from === undefined ? '' : ` ${action === 'link' ? 'to' : 'from'} ${shown(from)}`;
  return `${action} ${place}${way}${replaces === undefined ? '' : ' (replaces)'}`;
}

export function planText({ steps, conflicts, obstacles }: Told): string {
  const conflicting = conflicts.map(({ sentence }) => `CONFLICT ${sentence}`);
  const impossible = obstacles.map(({ sentence }) => `IMPOSSIBLE ${sentence}`);
  return [...steps.map(stepLine), ...conflicting, ...impossible].join('\n');
}
