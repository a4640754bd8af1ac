// The verdict: the kernel's view of layers against ours, and every disagreement as a line.
import { lstatSync, lutimesSync } from 'node:fs';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { Change } from '../../lib/layer/change.ts';
import { compareTrees } from '../../lib/layer/compare-trees.ts';
import { openStack } from '../../lib/layer/stack.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { run } from '../support/command.ts';
import { type ChangeRules, type Trees, wrongChanges } from './change-verdict.ts';
import { differences } from './difference.ts';
import { copyMetadata } from './reshape.ts';
import { below, type Entry, errnoOf, type Snapshot, snapshot } from './snapshot.ts';
import { type StackView, specOf, viewOf } from './stack-view.ts';
import type { Layers, Stage } from './stage.ts';

/** The errno with which the entry, its list of names or its content cannot be had. */
function failure({ error, content }: Entry): string | undefined {
  return error ?? /^<(E[A-Z]+|error)>$/.exec(content ?? '')?.[1];
}

function errnoAt(root: string, path: string): string | undefined {
  try {
    lstatSync(below(Buffer.from(root), Buffer.from(path, 'latin1')));
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    // Too long to be asked for in one piece, which says nothing of the entry.
    return errno === 'ENAMETOOLONG' ? undefined : errno;
  }
}

/**
 * Takes out what cannot be compared:
 *
 * - Entries that both say cannot be had. The driver does not list each of those: whether it does depends on what it has
 *   looked at before, so that it is asked for them by name.
 * - ESTALE. The driver knows a directory or file of a layer by one place; where redirects give it two, it refuses the one
 *   that is looked at later.
 * - With index=on, the other names of a file of which one name was copied up: they follow it by an entry in the work
 *   directory, which is no layer.
 */
function comparable(
  root: string,
  mounted: Snapshot,
  seen: StackView,
  indexed: boolean,
): [Snapshot, Snapshot] {
  const [left, right] = [new Map(mounted), new Map(seen.entries)];
  for (const [path, entry] of seen.entries) {
    const ours = failure(entry);
    const shown = mounted.get(path);
    const theirs = shown === undefined ? errnoAt(root, path) : failure(shown);
    const agree = ours !== undefined && theirs !== undefined && (ours === theirs || ours.includes('error'));
    if (!agree && theirs !== 'ESTALE' && !(indexed && seen.linkedBelow.has(path))) continue;
    left.delete(path);
    right.delete(path);
  }
  return [left, right];
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

function ways(path: string): string[] {
  const names = path === '' ? [] : path.split('/');
  return ['', ...names.map((_, i) => names.slice(0, i + 1).join('/'))];
}

/** What is known of two mounts, to judge changes by: nothing of what cannot be had, or lies in what cannot be listed. */
function treesOf(before: [string, Snapshot], after: [string, Snapshot], linked: ReadonlySet<string>): Trees {
  const failed = ([root, entries]: [string, Snapshot], path: string) => {
    const errno = errnoAt(root, path);
    if (errno !== undefined && errno !== 'ENOENT' && errno !== 'ENOTDIR') return true;
    return ways(path).some((way) => failure(entries.get(way) ?? {}) !== undefined);
  };
  const unknown = (path: string) => linked.has(path) || failed(before, path) || failed(after, path);
  return { before: before[1], after: after[1], unknown };
}

/** A view of the lowers needs no index, and gets none. */
function viewOptions({ index: _, ...options }: AnyOverlayOptions): AnyOverlayOptions {
  return options;
}

/**
 * The tree before. The driver wants two layers, and an empty one below would not be nothing: it makes the driver follow
 * redirects that it has no reason to follow in a bottom layer. So it goes on top, with the metadata of the root.
 */
function mountLowers(stage: Stage, { lower, data }: Layers, options: AnyOverlayOptions): Overlay {
  const view = viewOptions(options);
  if (data !== undefined) return stage.mount({ lower, data }, view);
  const top = stage.directory('empty');
  // Node sets times to the microsecond at best: whole seconds can be copied.
  lutimesSync(`${lower[0]!}/.`, 1e9, 1e9);
  copyMetadata(Buffer.from(`${lower[0]!}/.`), Buffer.from(top));
  // node:fs has no nanoseconds.
  run('touch', '-r', `${lower[0]!}/.`, top);
  return stage.mount({ lower: lower.length === 1 ? [top, ...lower] : lower }, view);
}

/** Mounts the layers, and compares; nothing when all agree. `work` may be an overlay that is mounted already. */
export async function disagreements(
  stage: Stage,
  layers: Layers,
  options: AnyOverlayOptions,
  work: string | Overlay,
): Promise<string[]> {
  const overlay = typeof work === 'string' ? stage.mount(layers, options, work) : work;
  const mounted = snapshot(overlay.path);
  const seen = await viewOf(layers, options);
  const indexed = options.index === true;
  const views = comparable(overlay.path, mounted, seen, indexed);
  const wrong = differences(...views, ['the mount', 'openStack']);
  const lower = mountLowers(stage, layers, options);
  const linked = indexed ? seen.linkedBelow : new Set<string>();
  const trees = treesOf([lower.path, snapshot(lower.path)], [overlay.path, mounted], linked);
  const judged = (name: string, changes: readonly Change[], rules: ChangeRules) =>
    wrong.push(...wrongChanges(changes, trees, rules).map((line) => `${name}: ${line}`));
  const rules = { exactly: true, withoutNotes: true, withoutRoot: false };
  judged('compareTrees', await all(compareTrees(lower.path, overlay.path)), { ...rules, withoutRoot: true });
  await using stack = await openStack(specOf(layers, options));
  judged('changes', await all(stack.changes({ ignoreUnchanged: true })), rules);
  judged('changes without contents', await all(stack.changes()), { ...rules, exactly: false });
  return wrong;
}
