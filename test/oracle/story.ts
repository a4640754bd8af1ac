// How layers come to be: by operations on overlays of earlier layers, by planted marks, stacked in any order.
import { mkdirSync } from 'node:fs';
import type { Overlay } from '../../lib/mount/overlay.ts';
import fc from '../support/fast-check.ts';
import type { Mode } from './modes.ts';
import { type Operation, operations, type Planting, plantings } from './operations.ts';
import { perform, type Tally, type Trace } from './perform.ts';
import { plant } from './plant.ts';
import { copyTree, takeDataOut, toXattrWhiteouts } from './reshape.ts';
import type { Layers, Stage } from './stage.ts';

/** One layer: the upper of an overlay over those earlier layers that `over` has a bit for, or a plain tree. */
export interface LayerStory {
  readonly over: number;
  readonly operations: readonly Operation[];
  readonly plantings: readonly Planting[];
}

export interface Story {
  readonly layers: readonly LayerStory[];
  /** Which of the layers are stacked, and in which order: one layer may be left out, none comes twice. */
  readonly order: number;
  /** What is done on the stack. */
  readonly operations: readonly Operation[];
}

export const stories: fc.Arbitrary<Story> = fc.record({
  layers: fc.array(fc.record({ over: fc.nat(15), operations: operations(50), plantings: plantings(4) }), {
    minLength: 1,
    maxLength: 4,
  }),
  order: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(1000) }),
  operations: operations(60),
});

/** A stack with an upper that is not mounted, and how to mount it. */
export interface Staged {
  readonly stack: Layers & { readonly upper: string };
  readonly work: string;
  /** Of a nested overlay, the overlay that holds the lowers. */
  readonly outer?: Layers & { readonly upper: string; readonly overlay: Overlay };
  readonly trace: Trace;
}

/** Order 0 is the order in which they came, the newest on top; others permute it, and odd ones leave the last one out. */
function ordered(layers: readonly string[], order: number): string[] {
  const rest = layers.toReversed();
  const result: string[] = [];
  for (let left = order; rest.length > 0; left = Math.floor(left / 4))
    result.push(...rest.splice(left % rest.length, 1));
  return order % 2 === 1 && result.length > 1 ? result.slice(0, -1) : result;
}

function buildLayer(
  stage: Stage,
  story: LayerStory,
  earlier: readonly string[],
  mode: Mode,
  trace: Trace,
  tally: Tally,
): string {
  const layer = stage.directory('layer');
  const lower = earlier.filter((_, i) => (story.over >> i) & 1).toReversed();
  trace.push(`layer ${layer}${lower.length === 0 ? '' : ` over ${lower.join(', ')}`}:`);
  if (lower.length === 0) perform(layer, story.operations, { trace, tally });
  else
    actOn(
      stage,
      { lower, upper: layer },
      stage.directory('work'),
      mode,
      story.operations,
      trace,
      tally,
    ).unmountSync();
  plant(layer, story.plantings, mode, trace);
  return layer;
}

/** Mounts, performs, and returns the live overlay. */
export function actOn(
  stage: Stage,
  stack: Layers,
  work: string,
  mode: Mode,
  todo: readonly Operation[],
  trace: Trace,
  tally: Tally,
): Overlay {
  const options = mode.options;
  let overlay = stage.mount(stack, options, work);
  const remount = () => {
    overlay.unmountSync();
    overlay = stage.mount(stack, options, work);
    return overlay.path;
  };
  perform(overlay.path, todo, { trace, tally, remount });
  return overlay;
}

function nest(
  stage: Stage,
  lower: readonly string[],
  mode: Mode,
  trace: Trace,
): Pick<Staged, 'outer'> & { lower: string[] } {
  const outer = { lower: [stage.directory('outer-lower')], upper: stage.directory('outer-upper') };
  const overlay = stage.mount(outer, mode.options);
  const copies = lower.map((layer, i) => {
    toXattrWhiteouts(Buffer.from(layer), mode.dialect);
    const copy = Buffer.from(`${overlay.path}/layer${i}`);
    mkdirSync(copy);
    copyTree(Buffer.from(layer), copy);
    return copy.toString();
  });
  trace.push('the layers are copied into an overlay, and it is looked at through that');
  return { outer: { ...outer, overlay }, lower: copies };
}

/** Builds all layers of a story on a stage, and an empty upper. */
export function build(stage: Stage, story: Story, mode: Mode, tally: Tally): Staged {
  const trace: Trace = [];
  const pool: string[] = [];
  for (const layer of story.layers) pool.push(buildLayer(stage, layer, pool, mode, trace, tally));
  let lower = ordered(pool, story.order);
  let data: string[] = [];
  let outer: Staged['outer'];
  if (mode.shape === 'xattrWhiteouts')
    for (const layer of lower) toXattrWhiteouts(Buffer.from(layer), mode.dialect);
  if (mode.shape === 'nested') ({ outer, lower } = nest(stage, lower, mode, trace));
  if (mode.shape === 'dataOnly') {
    data = [stage.directory('data'), stage.directory('data')];
    const taken = { files: 0 };
    for (const layer of lower) takeDataOut(Buffer.from(layer), data, mode.dialect, taken);
  }
  trace.push(`stack, top first: ${lower.join(', ')}${data.length > 0 ? ` :: ${data.join(', ')}` : ''}`);
  const stack = { lower, upper: stage.directory('upper'), ...(data.length > 0 && { data }) };
  return { stack, work: stage.directory('work'), trace, ...(outer && { outer }) };
}
