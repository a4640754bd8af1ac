// overlayfs image inspect: what the layers of an image do to each other, and what of them nobody sees.
import { type Inspection, inspectImage } from '../oci/index.ts';
import type { Command } from './command.ts';
import { type Given, UsageError } from './flags.ts';
import { openGivenImage } from './given-image.ts';
import { changeLines, layerTable, summaryLines, wasteTable } from './image-text.ts';
import { interruptible } from './interruption.ts';
import { toJson } from './json.ts';
import { LayerBars } from './layer-bars.ts';
import type { Terminal } from './terminal.ts';

const DEFAULT_TOP = 10;

function numberOf(flag: string, text: string): number {
  if (!/^\d{1,9}$/.test(text))
    throw new UsageError(`--${flag} cannot be ${JSON.stringify(text)}; it takes a number`);
  return Number(text);
}

function show(inspection: Inspection, wanted: readonly number[], top: number, terminal: Terminal): void {
  const lines = wanted.flatMap((layer) => changeLines(inspection.layers[layer]!, terminal));
  if (wanted.length === 0) {
    lines.push(...summaryLines(inspection), '', ...layerTable(inspection, terminal));
    if (inspection.waste.length > 0 && top > 0) lines.push('', ...wasteTable(inspection, top, terminal));
  }
  for (const line of lines) terminal.line(line);
}

async function inspect(path: string, given: Given, terminal: Terminal): Promise<number> {
  const top = given.text('top');
  const most = top === undefined ? DEFAULT_TOP : numberOf('top', top);
  const wanted = given.texts('layer').map((text) => numberOf('layer', text));
  await using image = await openGivenImage(path, given);
  const missing = wanted.find((layer) => layer >= image.layers.length);
  if (missing !== undefined)
    throw new UsageError(`there is no layer ${missing}: the image has 0 to ${image.layers.length - 1}`);
  const bars = new LayerBars(terminal, image.layers, 'read');
  const inspection = await interruptible((signal) =>
    inspectImage(image, { onProgress: bars.report, signal }),
  );
  bars.end();
  if (given.has('json')) terminal.line(toJson(inspection));
  else show(inspection, wanted, most, terminal);
  return 0;
}

export const imageCommand: Command = {
  summary:
    'Tells what each layer of an image adds, changes and deletes, and what of it nobody sees in the end.',
  usage: [
    'image inspect [--platform OS/ARCH[/VARIANT]] [--name NAME] [--top N] [--json] IMAGE',
    'image inspect --layer N … IMAGE',
  ],
  about: [
    'IMAGE is an OCI layout, an archive of one, or one of docker save. Its layers are read once, checked, and not unpacked.',
    'Not seen are files that a layer above overwrites (also by a chmod, which carries the whole file again), deletes, or',
    'hides with an opaque directory: those with several names once, when the last name goes. Efficiency is the part of all',
    'bytes of files in the layers that is seen.',
  ],
  flags: {
    layer: {
      value: 'N',
      repeatable: true,
      about: 'instead what layer N changes, path by path; 0 is the bottom one',
    },
    top: { value: 'N', about: `how many of the paths that waste most; absent: ${DEFAULT_TOP}` },
    platform: { value: 'PLATFORM', about: "such as linux/arm64; absent: this machine's" },
    name: { value: 'NAME', about: 'which image, where there are several' },
    json: { about: 'print all of it as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 1, max: 2, what: 'inspect IMAGE' },
  async run(given, terminal) {
    const [action, path] = given.words as [string, string | undefined];
    if (action !== 'inspect')
      throw new UsageError(`there is no action ${JSON.stringify(action)}; there is inspect`);
    if (path === undefined) throw new UsageError('IMAGE is missing');
    return await inspect(path, given, terminal);
  },
};
