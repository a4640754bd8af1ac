// What a remount asks to change of an overlay that is there: its attributes can be, its layers and options cannot.
import { type MountAttributes, type MountSpec, OverlayError, type OverlayMount } from '../index.ts';
import { printable } from './printable.ts';

type Path = string | Buffer;
type Parts = Pick<MountSpec, 'lower' | 'data' | 'upper' | 'work' | 'options' | 'attributes'>;
type Row = Pick<OverlayMount, 'lower' | 'data' | 'upper' | 'work' | 'options'>;

const text = (paths: unknown): string =>
  [paths]
    .flat()
    .map((path) => printable(path as Path))
    .join(':');

// mountinfo also shows the empty layer below a view of one lower, which list() leaves out.
function withoutEmptyLayer(asked: Parts, now: Row): Parts['lower'] {
  const lower = [asked.lower].flat();
  const isView = now.upper === undefined && now.lower.length === 1;
  return (isView && lower.length === 2 ? lower.slice(0, 1) : lower) as Parts['lower'];
}

/** mount(8) passes all that mountinfo shows: what is as it was changes nothing. */
function changes(asked: Parts, now: Row): string[] {
  const layers = (['lower', 'data', 'upper', 'work'] as const).filter((name) => {
    const wanted = name === 'lower' ? withoutEmptyLayer(asked, now) : asked[name];
    return wanted !== undefined && [wanted].flat().length > 0 && text(wanted) !== text(now[name] ?? []);
  });
  const current = new Map(Object.entries(now.options));
  const options = Object.entries(asked.options ?? {}).filter(
    ([name, value]) => JSON.stringify(value) !== JSON.stringify(current.get(name) ?? false),
  );
  return [...layers, ...options.map(([name]) => name)];
}

/** The attributes to set. `target`: as the user named it. @throws {OverlayError} when more than attributes would change */
export function remountAttributes(asked: Parts, now: Row, target: Path): MountAttributes {
  const changed = changes(asked, now);
  if (changed.length === 0) return asked.attributes ?? {};
  throw new OverlayError([
    {
      code: 'ERR_OVERLAY_NOT_SUPPORTED',
      sentence: `target ("${printable(target)}"): ${changed.join(', ')} cannot be changed by a remount, only ro, rw and the attributes can`,
      hint: 'unmount it and mount it anew',
      option: 'remount',
      path: target.toString(),
    },
  ]);
}
