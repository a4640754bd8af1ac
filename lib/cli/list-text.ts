// How the list of overlays looks to people: a block an overlay, a line a layer.
import { formatOptions, type OverlayMount, type UnknownLayer } from '../index.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Painter = Pick<Terminal, 'paint'>;
type Path = string | Uint8Array;

interface Row {
  readonly label: string;
  readonly text: string;
  readonly note?: string | undefined;
}

/** mount(8)'s words for a part of a mount. */
function words(parts: Pick<OverlayMount, 'options'> | Pick<OverlayMount, 'attributes'>): string {
  try {
    return printable(formatOptions(parts));
  } catch {
    // A value that option text has no way to say.
    return printable(JSON.stringify(parts));
  }
}

function rowsOf(mount: OverlayMount): Row[] {
  const note = (option: UnknownLayer['option'], index?: number) =>
    mount.unknown.find((layer) => layer.option === option && layer.index === index)?.reason;
  const row = (label: string, path: Path, why: string | undefined): Row => ({
    label,
    text: printable(path),
    note: why,
  });
  const several = (option: 'lower' | 'data') =>
    mount[option].map((path, index) => row(`${option} ${index}`, path, note(option, index)));
  return [
    ...(mount.upper === undefined ? [] : [row('upper', mount.upper, note('upper'))]),
    ...several('lower'),
    ...several('data'),
    ...(mount.work === undefined ? [] : [row('work', mount.work, note('work'))]),
    ...(Object.keys(mount.options).length === 0
      ? []
      : [{ label: 'options', text: words({ options: mount.options }) }]),
    { label: 'mount', text: mountWords(mount) },
  ];
}

function mountWords(mount: OverlayMount): string {
  const { source, root, propagation, readOnly, attributes, id } = mount;
  return [
    readOnly && attributes.readOnly !== true ? 'filesystem read-only' : '',
    words({ attributes }),
    propagation,
    source === 'overlay' ? '' : `source ${printable(source)}`,
    root === '/' ? '' : `shows only ${printable(root)} of the overlay`,
    `id ${id}`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

/** The lines, without colours where the painter adds none. */
export function listText(mounts: readonly OverlayMount[], { paint }: Painter): string[] {
  return mounts.flatMap((mount, index) => {
    const rows = rowsOf(mount);
    const width = Math.max(...rows.map(({ label }) => label.length));
    return [
      ...(index === 0 ? [] : ['']),
      paint(printable(mount.target), 'bold'),
      ...rows.flatMap(({ label, text, note }) => [
        `  ${paint(label.padEnd(width), 'dim')}  ${text}`,
        ...(note === undefined
          ? []
          : [`  ${' '.repeat(width)}  ${paint(`(not to be found by this: ${note})`, 'yellow')}`]),
      ]),
    ];
  });
}
