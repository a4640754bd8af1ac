// Looking a name up through a stack, by the rules of the kernel, step for step those of ovl_lookup in fs/overlayfs/namei.c.

import { decodeOpaque } from '../format/marks.ts';
import { decodeMetacopy } from '../format/metacopy.ts';
import { OverlayError } from '../format/overlay-error.ts';
import { decodeRedirect, leadsElsewhere } from '../format/redirect.ts';
import type { Routine } from '../kernel/routine.ts';
import * as finding from './finding.ts';
import { placeIn, type RealDirectory } from './layer.ts';
import { isRegular, type Look, noteOn, type RealEntry, whiteoutOf } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';

/** What became of a name in one layer: why the search went on or ended there. */
export type Verdict =
  | 'absent'
  | 'found'
  | 'metacopy'
  | 'opaque'
  | 'whiteout'
  /** A directory was found above, or the way leads on: only directories count. */
  | 'no directory'
  /** A metacopy was found above: only regular files count. */
  | 'no data';

/** One look into a layer. */
export interface Step extends RealDirectory {
  readonly entry: RealEntry | undefined;
  readonly verdict: Verdict;
  /** The name itself, not a directory on the way of an absolute redirect. */
  readonly last: boolean;
}

/** What a name stands for in the merged view. */
export interface Resolution {
  readonly name: string;
  readonly upper: RealEntry | undefined;
  /** Directories that are merged; for files what the kernel keeps: metadata first, data last. */
  readonly lowers: readonly RealEntry[];
  readonly isDirectory: boolean;
  /** A directory that the kernel counts as one of several layers. */
  readonly merged: boolean;
  /** The upper's redirect: an absolute path, or another name in the same directory. */
  readonly redirect: string | undefined;
  /** Where the data layers have the content: an absolute path. */
  readonly dataPath: string | undefined;
  /** The upper has only metadata. */
  readonly upperMetacopy: boolean;
  /** What ended the search, when that says that the name is deleted from there on. */
  readonly whiteout: RealEntry | undefined;
  /** What the kernel fails with; the rest is then what was found before. */
  readonly problem: OverlayError | undefined;
}

export class Search {
  readonly #rules: Rules;
  readonly #look: Look;
  readonly #steps: Step[] | undefined;
  // As in struct ovl_lookup_data. The name becomes a path when a redirect is followed.
  #name: string;
  #isDirectory = false;
  #stop = false;
  #last = false;
  #redirect: string | undefined;
  #upperRedirect: string | undefined;
  #metacopy = false;
  #absoluteRedirect = false;
  #upper: RealEntry | undefined;
  #upperMetacopy = false;
  #dataPath: string | undefined;
  readonly #lowers: RealEntry[] = [];
  /** The last entry with a note that must be followed. */
  #noted: RealEntry | undefined;
  #stoppedBy: Step | undefined;
  #whiteout: RealEntry | undefined;

  constructor(rules: Rules, name: string, look: Look, steps?: Step[]) {
    this.#rules = rules;
    this.#name = name;
    this.#look = look;
    this.#steps = steps;
  }

  /** Under which name, or path from the root, the layers below the last one are searched. */
  get lookedFor(): string {
    return this.#name;
  }

  /** What ended the search before the last layer; undefined when nothing did. */
  get stoppedBy(): Step | undefined {
    return this.#stop ? this.#stoppedBy : undefined;
  }

  *resolve(parent: MergedDirectory): Routine<Resolution> {
    const name = this.#name;
    let problem: OverlayError | undefined;
    try {
      yield* this.#run(parent);
    } catch (error) {
      if (!(error instanceof OverlayError)) throw error;
      problem = error;
    }
    return {
      name,
      upper: this.#upper,
      lowers: this.#lowers,
      isDirectory: this.#isDirectory,
      merged: this.#isDirectory && this.#lowers.length + (this.#upper === undefined ? 0 : 1) > 1,
      redirect: this.#upperRedirect,
      dataPath: this.#dataPath,
      upperMetacopy: this.#upperMetacopy,
      whiteout: this.#whiteout,
      problem,
    };
  }

  *#run(parent: MergedDirectory): Routine<void> {
    const { root, data, follow } = this.#rules;
    const looksForRedirects = follow || data.length > 0;
    let parents = parent.lowers;
    if (parent.upper !== undefined) {
      this.#last = !looksForRedirects && parents.length === 0;
      this.#upper = yield* this.#inLayer(parent.upper);
      this.#upperMetacopy = this.#metacopy;
      this.#upperRedirect = this.#redirect;
      if (this.#redirect?.startsWith('/')) parents = root.lowers;
    }
    for (let i = 0; !this.#stop && i < parents.length; i++) {
      const lower = parents[i]!;
      this.#checkFollow();
      if (!looksForRedirects) this.#last = i === parents.length - 1;
      else if (this.#isDirectory || data.length === 0) this.#last = lower.layer.number === root.lowers.length;
      const found = yield* this.#inLayer(lower);
      if (found === undefined) continue;
      // Of several metacopies the topmost is kept, since it has the metadata.
      if (!this.#metacopy || this.#lowers.length === 0) this.#lowers.push(found);
      if (this.#stop) break;
      if (this.#redirect?.startsWith('/') && parents !== root.lowers) {
        parents = root.lowers;
        i = lower.layer.number - 1;
      }
    }
    this.#end();
  }

  #end(): void {
    if (this.#metacopy && this.#lowers.length > 0 && this.#rules.data.length > 0 && this.#absoluteRedirect) {
      this.#metacopy = false;
      this.#dataPath = this.#redirect;
    } else this.#checkFollow();
    if (this.#metacopy || (this.#upperMetacopy && this.#lowers.length === 0))
      throw finding.dataGone(this.#noted!);
  }

  #checkFollow(): void {
    if (this.#metacopy && !this.#rules.metacopy) throw finding.metacopyOff(this.#noted!);
    if ((this.#redirect ?? this.#upperRedirect) !== undefined && !this.#rules.follow)
      throw finding.redirectNotFollowed(this.#noted!);
  }

  // ovl_lookup_layer. What is left is counted from the end, since a redirect changes what is before it.
  *#inLayer(base: RealDirectory): Routine<RealEntry | undefined> {
    if (!this.#name.startsWith('/')) return yield* this.#single(base, this.#name, 0, '');
    let left = this.#name.length - 1;
    for (let dir = base; ; ) {
      const start = this.#name.length - left;
      const slash = this.#name.indexOf('/', start);
      const end = slash < 0 ? this.#name.length : slash;
      const found = yield* this.#single(dir, this.#name.slice(start, end), start, this.#name.slice(end));
      if (slash < 0 || found === undefined || !found.stat.isDirectory) return slash < 0 ? found : undefined;
      left -= end - start + 1;
      dir = found;
    }
  }

  // ovl_lookup_single: `before` characters of the path lead here, and `after` is the rest of it.
  *#single(dir: RealDirectory, name: string, before: number, after: string): Routine<RealEntry | undefined> {
    if (leadsElsewhere(name)) {
      const reason = `it has the name ${JSON.stringify(name)}, which leads elsewhere`;
      throw finding.badRedirect(this.#noted!, reason, 'EACCES');
    }
    const entry = yield* this.#look(dir, name);
    const last = after === '';
    const verdict = entry === undefined ? 'absent' : this.#judge(entry, last);
    if (this.#steps !== undefined) {
      const step = { layer: dir.layer, place: placeIn(dir.place, name), entry, verdict, last };
      this.#steps.push(step);
      if (this.#stop) this.#stoppedBy = step;
    }
    if (entry === undefined || verdict === 'whiteout' || verdict === 'no directory' || verdict === 'no data')
      return undefined;
    const redirectCounts = verdict !== 'opaque' && !this.#last && (entry.stat.isDirectory || this.#metacopy);
    if (redirectCounts) this.#followRedirect(entry, before, after);
    return entry;
  }

  #judge(entry: RealEntry, last: boolean): Verdict {
    if (whiteoutOf(entry) !== undefined) {
      this.#stop = true;
      this.#whiteout = entry;
      return 'whiteout';
    }
    if (last && this.#metacopy && !isRegular(entry)) {
      this.#stop = true;
      return 'no data';
    }
    if (entry.stat.isDirectory) return this.#judgeDirectory(entry, last);
    if (this.#isDirectory || !last) {
      this.#stop = true;
      return 'no directory';
    }
    this.#metacopy = isMetacopy(entry);
    this.#stop = !this.#metacopy;
    if (this.#metacopy) this.#noted = entry;
    return this.#metacopy ? 'metacopy' : 'found';
  }

  #judgeDirectory(entry: RealEntry, last: boolean): Verdict {
    if (this.#rules.isLayerRoot(entry.stat)) throw finding.layersOverlap(entry);
    if (last) this.#isDirectory = true;
    if (this.#last || decodeOpaque(noteOn(entry, 'opaque')) !== 'opaque') return 'found';
    this.#stop = true;
    return 'opaque';
  }

  #followRedirect(entry: RealEntry, before: number, after: string): void {
    this.#absoluteRedirect = false;
    const value = noteOn(entry, 'redirect');
    if (value === undefined) return;
    const redirect = decodeRedirect(value);
    if ('invalid' in redirect) throw finding.badRedirect(entry, redirect.invalid, 'EINVAL');
    this.#noted = entry;
    this.#absoluteRedirect = redirect.absolute;
    // An absolute one leads on below an opaque directory that it passed.
    if (redirect.absolute) this.#stop = false;
    const start = redirect.absolute ? '/' : this.#name.slice(0, before);
    this.#redirect = start + redirect.names.join('/') + after;
    this.#name = this.#redirect;
  }
}

function isMetacopy(entry: RealEntry): boolean {
  const value = isRegular(entry) ? noteOn(entry, 'metacopy') : undefined;
  if (value === undefined) return false;
  if (decodeMetacopy(value) === undefined) throw finding.badMetacopy(entry, value.length);
  return true;
}
