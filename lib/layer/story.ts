// The story of one path: which layer gives it, what each of the others has there, and why that is not seen.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import type { Routine } from '../kernel/routine.ts';
import { findData } from './data-layers.ts';
import { whiteoutAtBottom } from './finding.ts';
import { type Layer, placeIn } from './layer.ts';
import { lookAhead } from './look-ahead.ts';
import type { HiddenBy, LayerLook, Lookup, Role } from './lookup.ts';
import {
  contentOf,
  directoryOf,
  layerPlace,
  mergedEntry,
  shownPlace,
  topOf,
  typeOf,
} from './merged-entry.ts';
import { isAtBottom, oddNotes } from './odd-notes.ts';
import { findRoot } from './paths.ts';
import { type Look, lookAt, noteOn, type RealEntry, whiteoutOf } from './real-entry.ts';
import type { MergedDirectory, Rules } from './rules.ts';
import { type Resolution, Search, type Step } from './search.ts';

/** Where a layer has, or would have, the path so far. */
interface Trail {
  readonly layer: Layer;
  readonly place: string;
  readonly step: Step | undefined;
  readonly hiddenBy: HiddenBy | undefined;
  /** Knows what the layer has there. */
  readonly look: Look;
}

interface Looked {
  readonly entry: RealEntry | undefined;
  readonly error?: OverlayError;
}

function* lookAtPlace(layer: Layer, place: string, look: Look): Routine<Looked> {
  try {
    const slash = place.lastIndexOf('/');
    const dir = { layer, place: slash < 0 ? '' : place.slice(0, slash) };
    return { entry: yield* look(dir, place.slice(slash + 1)) };
  } catch (error) {
    if (error instanceof OverlayError) return { entry: undefined, error };
    throw error;
  }
}

const REASONS: Readonly<Partial<Record<Step['verdict'], HiddenBy['why']>>> = {
  whiteout: 'whiteout',
  opaque: 'opaque',
};

function hides(step: Step): HiddenBy {
  return { ...layerPlace(step), why: REASONS[step.verdict] ?? 'covered' };
}

/** One name further: where each layer has it, and what hides it there. */
function* follow(
  rules: Rules,
  parent: MergedDirectory | undefined,
  trails: readonly Trail[],
  name: string,
): Routine<{ resolution: Resolution | undefined; trails: Trail[] }> {
  const steps: Step[] = [];
  const look = yield* lookAhead(trails, name);
  const search = new Search(rules, name, look, steps);
  const resolution = parent && (yield* search.resolve(parent));
  const stopper = search.stoppedBy;
  const next = trails.map(({ layer, place, hiddenBy }): Trail => {
    const step = steps.find((step) => step.last && step.layer === layer);
    if (step !== undefined) {
      const above = step.verdict.startsWith('no ') ? topOf(resolution!) : undefined;
      return {
        layer,
        place: step.place,
        step,
        hiddenBy: above && { ...layerPlace(above), why: 'covered' },
        look,
      };
    }
    // A layer that was searched, or whose directory is not there, has no reason but that nothing is there.
    const below = stopper !== undefined && layer.number > stopper.layer.number;
    const name = search.lookedFor;
    return {
      layer,
      place: name.startsWith('/') ? name.slice(1) : placeIn(place, name),
      step: undefined,
      hiddenBy: hiddenBy ?? (below ? hides(stopper) : undefined),
      look,
    };
  });
  return { resolution, trails: next };
}

function marks(entry: RealEntry): Pick<LayerLook, 'type' | 'whiteout' | 'opaque' | 'redirect' | 'metacopy'> {
  const whiteout = whiteoutOf(entry);
  const redirect = noteOn(entry, 'redirect');
  return {
    type: typeOf(entry.stat),
    ...(whiteout === undefined ? {} : { whiteout }),
    ...(entry.stat.isDirectory && noteOn(entry, 'opaque')?.toString() === 'y' ? { opaque: true } : {}),
    ...(redirect === undefined ? {} : { redirect: shownPlace(redirect.toString('latin1')) }),
    ...(typeOf(entry.stat) === 'file' && noteOn(entry, 'metacopy') !== undefined ? { metacopy: true } : {}),
  };
}

function roleOf(entry: RealEntry, resolution: Resolution | undefined, hidden: boolean): Role {
  if (resolution !== undefined && !hidden) {
    if (whiteoutOf(entry) !== undefined) return 'deletes';
    if (entry === topOf(resolution)) return 'shown';
    if (resolution.isDirectory) return resolution.lowers.includes(entry) ? 'merged' : 'hidden';
    if (entry === contentOf(resolution)) return 'content';
    if (noteOn(entry, 'metacopy') !== undefined) return 'passed';
  }
  return 'hidden';
}

function* tell(
  rules: Rules,
  { layer, place, step, hiddenBy, look }: Trail,
  resolution: Resolution | undefined,
  findings: Finding[],
): Routine<LayerLook> {
  const where = layerPlace({ layer, place });
  const { entry, error } =
    step === undefined ? yield* lookAtPlace(layer, place, look) : { entry: step.entry };
  if (error !== undefined) {
    findings.push(...error.findings);
    return { ...where, role: 'unreadable', error };
  }
  if (entry === undefined) return { ...where, role: 'absent' };
  const role = roleOf(entry, resolution, hiddenBy !== undefined || step === undefined);
  if (resolution?.problem === undefined) findings.push(...oddNotes(entry));
  if (role === 'deletes' && isAtBottom(rules, entry)) findings.push(...whiteoutAtBottom(entry).findings);
  return {
    ...where,
    role,
    ...marks(entry),
    ...(role === 'hidden' && hiddenBy !== undefined ? { hiddenBy } : {}),
  };
}

/** What a layer has under the name itself, where a redirect led to another one. */
function* besideRedirect(trail: Trail, literal: string, steps: readonly Trail[]): Routine<LayerLook[]> {
  if (trail.place === literal) return [];
  const { entry } = yield* lookAtPlace(trail.layer, literal, lookAt);
  const by = steps.findLast(
    ({ layer, step }) => layer.number < trail.layer.number && step?.entry && noteOn(step.entry, 'redirect'),
  );
  if (entry === undefined || by === undefined) return [];
  const hiddenBy = { ...layerPlace(by), why: 'redirect' as const };
  return [
    { ...layerPlace({ layer: trail.layer, place: literal }), role: 'hidden', ...marks(entry), hiddenBy },
  ];
}

function* dataLooks(rules: Rules, { dataPath }: Resolution): Routine<LayerLook[]> {
  if (dataPath === undefined) return [];
  const found = yield* findData(rules, dataPath);
  const looks: LayerLook[] = [];
  for (const layer of rules.data) {
    const where = layerPlace({ layer, place: dataPath.slice(1) });
    if (layer === found?.layer) return [...looks, { ...where, role: 'content', ...marks(found) }];
    looks.push({ ...where, role: 'absent' });
  }
  return looks;
}

/** The story of a path, its names given one character a byte. */
export function* tellStory(rules: Rules, names: readonly string[]): Routine<Lookup> {
  const root = yield* findRoot(rules);
  const roots = [...(root.resolution.upper ? [root.resolution.upper] : []), ...root.resolution.lowers];
  let dir: MergedDirectory | undefined = rules.root;
  let resolution: Resolution | undefined = root.resolution;
  let trails: Trail[] = roots.map((entry) => ({
    layer: entry.layer,
    place: '',
    step: { layer: entry.layer, place: '', entry, verdict: 'found', last: true },
    hiddenBy: undefined,
    look: lookAt,
  }));
  let problem: OverlayError | undefined;
  let literal = trails.map(({ place }) => place);
  for (const name of names) {
    literal = trails.map(({ place }) => placeIn(place, name));
    ({ resolution, trails } = yield* follow(rules, dir, trails, name));
    problem ??= resolution?.problem;
    const enters: boolean | undefined = resolution?.isDirectory && resolution.problem === undefined;
    dir = enters ? directoryOf(dir!, resolution!) : undefined;
  }
  const layers: LayerLook[] = [];
  const findings = [...(problem?.findings ?? [])];
  for (const [i, trail] of trails.entries()) {
    layers.push(yield* tell(rules, trail, resolution, findings));
    layers.push(...(yield* besideRedirect(trail, literal[i]!, trails)));
  }
  if (resolution !== undefined) layers.push(...(yield* dataLooks(rules, resolution)));
  const path = names.join('/');
  const entry = resolution === undefined ? undefined : mergedEntry(path, resolution);
  return {
    path: shownPlace(path),
    ...(entry === undefined ? {} : { entry }),
    layers,
    ...(problem === undefined ? {} : { error: problem }),
    findings,
  };
}
