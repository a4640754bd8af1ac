// The verdict: the kernel's view of layers against ours, and every disagreement as a line.
import { lstatSync } from 'node:fs';
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { Change } from '../../lib/layer/change.ts';
import { compareTrees } from '../../lib/layer/compare-trees.ts';
import { openStack } from '../../lib/layer/stack.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { run } from '../support/command.ts';
import { type ChangeRules, type Trees, wrongChanges } from './change-verdict.ts';
import { differences } from './difference.ts';
import { copyMetadata } from './reshape.ts';
import { below, type Entry, errnoOf, type Snapshot, snapshot, snapshotAt } from './snapshot.ts';
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

function inodeAt(root: string, path: string): bigint | undefined {
  try {
    return lstatSync(below(Buffer.from(root), Buffer.from(path, 'latin1')), { bigint: true }).ino;
  } catch (error) {
    errnoOf(error);
    return undefined;
  }
}

/**
 * Names that the driver takes for one file, though the layers have two:
 *
 * - It knows a file of a lower layer, and what was copied up from it, as one inode. Where redirects give a file a second
 *   place, that shows what was copied up from the first.
 * - With index=on the other names of a file follow the one that was copied up, by an entry in the work directory, which
 *   is no layer.
 */
function aliases(
  root: string,
  seen: StackView,
  { index, redirectDir }: AnyOverlayOptions,
): ReadonlySet<string> {
  if (!index && redirectDir !== 'on') return new Set();
  const byInode = new Map<bigint, string[]>();
  for (const path of seen.files.keys()) {
    const inode = inodeAt(root, path);
    if (inode !== undefined) byInode.set(inode, [...(byInode.get(inode) ?? []), path]);
  }
  const groups = [...byInode.values()].filter(
    (paths) => new Set(paths.map((path) => seen.files.get(path))).size > 1,
  );
  return new Set([...groups.flat(), ...(index ? seen.linkedBelow : [])]);
}

/**
 * Of a directory in which two entries that follow each other are ESTALE, the driver refuses the whole list with that,
 * though it gives the other entries by name. So what is in such a directory is asked for by name, and judged as ever.
 */
function askedByName(root: string, mounted: Snapshot, seen: Snapshot): Snapshot {
  const found = new Map(mounted);
  // The walk tells a directory before what is in it.
  for (const path of seen.keys()) {
    const above = path.slice(0, Math.max(path.lastIndexOf('/'), 0));
    if (!found.has(path) && found.get(above)?.error === 'ESTALE') snapshotAt(root, path, found);
  }
  return found;
}

/**
 * Takes out what cannot be compared:
 *
 * - Entries that both say cannot be had. The driver does not list each of those: whether it does depends on what it has
 *   looked at before, so that it is asked for them by name.
 * - ESTALE. Of a directory with two places the driver refuses the one that is looked at later.
 * - Aliases.
 */
function comparable(
  root: string,
  mounted: Snapshot,
  seen: Snapshot,
  left: ReadonlySet<string>,
): [Snapshot, Snapshot] {
  const [theirs, ours] = [new Map(mounted), new Map(seen)];
  for (const [path, entry] of seen) {
    const failed = failure(entry);
    const shown = mounted.get(path);
    const errno = shown === undefined ? errnoAt(root, path) : failure(shown);
    const agree =
      failed !== undefined && errno !== undefined && (failed === errno || failed.includes('error'));
    if (!agree && errno !== 'ESTALE' && !left.has(path)) continue;
    theirs.delete(path);
    ours.delete(path);
  }
  return [theirs, ours];
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
function treesOf(before: [string, Snapshot], after: [string, Snapshot], left: ReadonlySet<string>): Trees {
  const failed = ([root, entries]: [string, Snapshot], path: string) => {
    const errno = errnoAt(root, path);
    if (errno !== undefined && errno !== 'ENOENT' && errno !== 'ENOTDIR') return true;
    return ways(path).some((way) => failure(entries.get(way) ?? {}) !== undefined);
  };
  const unknown = (path: string) => left.has(path) || failed(before, path) || failed(after, path);
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
  const [first, ...rest] = lower as [string, ...string[]];
  if (rest.length > 0) return stage.mount({ lower }, view);
  const top = stage.directory('empty');
  copyMetadata(Buffer.from(`${first}/.`), Buffer.from(top));
  // node:fs sets no nanoseconds.
  run('touch', '-r', `${first}/.`, top);
  return stage.mount({ lower: [top, first] }, view);
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
  const left = aliases(overlay.path, seen, options);
  const shown = askedByName(overlay.path, mounted, seen.entries);
  const views = comparable(overlay.path, shown, seen.entries, left);
  const wrong = differences(...views, ['the mount', 'openStack']);
  const lower = mountLowers(stage, layers, options);
  const trees = treesOf([lower.path, snapshot(lower.path)], [overlay.path, mounted], left);
  const judged = (name: string, changes: readonly Change[], rules: ChangeRules) =>
    wrong.push(...wrongChanges(changes, trees, rules).map((line) => `${name}: ${line}`));
  const rules = { exactly: true, withoutNotes: false, withoutRoot: false };
  judged('compareTrees', await all(compareTrees(lower.path, overlay.path)), {
    ...rules,
    withoutNotes: true,
    withoutRoot: true,
  });
  await using stack = await openStack(specOf(layers, options));
  judged('changes', await all(stack.changes({ ignoreUnchanged: true })), rules);
  judged('changes without contents', await all(stack.changes()), { ...rules, exactly: false });
  return wrong;
}
