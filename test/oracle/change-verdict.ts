// Changes judged by two snapshots: applied to the tree before they must give the tree after, and say nothing else.
import type { Change } from '../../lib/layer/change.ts';
import { shownPath } from './difference.ts';
import type { Entry, Snapshot } from './snapshot.ts';
import { latin1, shownType } from './stack-view.ts';

type ChangedPart = Change['what'][number];

/** What is at a path once changes are applied. */
interface Origin {
  /** The path before; undefined of what is new. */
  readonly before: string | undefined;
  /** What the changes say of it. */
  readonly what: readonly ChangedPart[];
}

type Tree = Map<string, Origin>;

function isBelow(path: string, directory: string): boolean {
  return path !== directory && (directory === '' || path.startsWith(`${directory}/`));
}

function removeAt(tree: Tree, path: string): void {
  for (const other of [...tree.keys()]) if (other === path || isBelow(other, path)) tree.delete(other);
}

function removeBelow(tree: Tree, path: string): void {
  for (const other of [...tree.keys()]) if (isBelow(other, path)) tree.delete(other);
}

/** The names of attributes that an overlay may take for its own. */
const notes = /^(?:trusted|user)\.overlay\./;

function xattrsWithout(entry: Entry, left: RegExp | undefined): string {
  const all = Object.entries(entry.xattrs ?? {}).filter(([name]) => left?.test(name) !== true);
  return JSON.stringify(all);
}

/** In what two entries differ. */
export function partsOf(before: Entry, after: Entry, left?: RegExp): ChangedPart[] {
  if (before.type !== after.type) return ['type'];
  const parts: ChangedPart[] = [];
  if (before.content !== after.content || before.rdev !== after.rdev) parts.push('content');
  if (before.mode !== after.mode) parts.push('mode');
  if (before.uid !== after.uid || before.gid !== after.gid) parts.push('owner');
  if (before.mtime !== after.mtime) parts.push('mtime');
  if (xattrsWithout(before, left) !== xattrsWithout(after, left)) parts.push('xattr');
  return parts;
}

export interface Trees {
  readonly before: Snapshot;
  readonly after: Snapshot;
  /** Paths of which nothing can be said: those that cannot be read, before or after. */
  readonly unknown: (path: string) => boolean;
}

export interface ChangeRules {
  /**
   * Content was compared. Otherwise the time tells of it, and a copy-up that changed nothing is a change of nothing.
   */
  readonly exactly: boolean;
  /** The overlay's notes are left aside. */
  readonly withoutNotes: boolean;
  /** The root itself is not compared. */
  readonly withoutRoot: boolean;
}

class Judge {
  readonly #trees: Trees;
  readonly #rules: ChangeRules;
  readonly #tree: Tree;
  readonly #wrong: string[] = [];
  readonly #firstNames = new Set<string>();

  constructor(trees: Trees, rules: ChangeRules) {
    this.#trees = trees;
    this.#rules = rules;
    this.#tree = new Map([...trees.before.keys()].map((path) => [path, { before: path, what: [] }]));
  }

  #complain(path: string, words: string): void {
    if (!this.#trees.unknown(path)) this.#wrong.push(`${shownPath(path)}: ${words}`);
  }

  apply(change: Change): void {
    const { kind, path: given, type, from, what, error } = change;
    const path = latin1(given);
    const words = `${kind}${from === undefined ? '' : ` from ${shownPath(latin1(from))}`} [${what}]`;
    if (error !== undefined) {
      if (!this.#trees.unknown(path)) this.#complain(path, `${words}, with an error: ${error.message}`);
      return;
    }
    const there = this.#tree.get(path);
    if ((kind === 'added') === (there !== undefined)) {
      this.#complain(path, `is told as ${words}, and was ${there === undefined ? 'not there' : 'there'}`);
    }
    const entry = kind === 'deleted' ? this.#trees.before.get(path) : this.#trees.after.get(path);
    const now = shownType(type);
    if (entry?.type !== undefined && entry.type !== now)
      this.#complain(path, `is told as ${words}, a ${now}, and is a ${entry.type}`);
    if (kind === 'deleted') removeAt(this.#tree, path);
    else this.#place(path, there, change, words);
  }

  #place(path: string, there: Origin | undefined, { kind, from, what, linkTo }: Change, words: string): void {
    if (this.#rules.exactly && kind === 'modified' && from === undefined && what.length === 0)
      this.#complain(path, `is told as ${words}, which is no change`);
    if (linkTo !== undefined && !this.#firstNames.has(latin1(linkTo)))
      this.#complain(path, `is told as a link to ${shownPath(latin1(linkTo))}, which was not told before`);
    this.#firstNames.add(path);
    if (from !== undefined) this.#move(latin1(from), path, what);
    else if (kind === 'added') this.#tree.set(path, { before: undefined, what });
    else {
      if (what.includes('type')) removeBelow(this.#tree, path);
      this.#tree.set(path, { before: there?.before, what });
    }
  }

  #move(from: string, path: string, what: readonly ChangedPart[]): void {
    if (!this.#trees.before.has(from))
      this.#complain(path, `comes from ${shownPath(from)}, which is not there`);
    removeAt(this.#tree, path);
    for (const old of this.#trees.before.keys()) {
      if (isBelow(old, from)) this.#tree.set(path + old.slice(from.length), { before: old, what: [] });
    }
    this.#tree.set(path, { before: from, what });
  }

  verdict(): string[] {
    const { before, after } = this.#trees;
    for (const [path, origin] of this.#tree) {
      if (path === '' && this.#rules.withoutRoot) continue;
      const entry = after.get(path);
      if (entry === undefined) this.#complain(path, 'is gone, and no change says so');
      else if (
        origin.before !== undefined &&
        !this.#trees.unknown(origin.before) &&
        before.has(origin.before)
      )
        this.#compare(path, before.get(origin.before)!, entry, origin.what);
    }
    for (const path of after.keys())
      if (!this.#tree.has(path)) this.#complain(path, 'is new, and no change says so');
    return this.#wrong;
  }

  #compare(path: string, before: Entry, after: Entry, told: readonly ChangedPart[]): void {
    const known = (parts: readonly ChangedPart[]) =>
      [...parts].filter((part) => this.#rules.exactly || part !== 'content').sort();
    const right = known(partsOf(before, after, this.#rules.withoutNotes ? notes : undefined));
    const said = known(told);
    if (right.join() !== said.join()) this.#complain(path, `differs in [${right}], and [${said}] is told`);
    const content = partsOf(before, after).includes('content');
    if (content && before.mtime !== after.mtime && !told.includes('content') && right.join() !== 'type')
      this.#complain(path, 'has another content, which is not told');
  }
}

/** A line for each thing that the changes get wrong. */
export function wrongChanges(changes: Iterable<Change>, trees: Trees, rules: ChangeRules): string[] {
  const judge = new Judge(trees, rules);
  for (const change of changes) judge.apply(change);
  return judge.verdict();
}
