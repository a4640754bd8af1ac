// overlayfs unpack: an image becomes a directory with its files, or a directory for each of its layers.

import { unpackImage } from '../oci/unpack-image.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { openGivenImage } from './given-image.ts';
import { interruptible } from './interruption.ts';
import { toJson } from './json.ts';
import { LayerBars } from './layer-bars.ts';
import { printable } from './printable.ts';

export const unpackCommand: Command = {
  summary: 'Unpacks an image into DIR, which must not be there or be empty: whole, or not at all.',
  usage: ['unpack [--layers] [--platform OS/ARCH[/VARIANT]] [--name NAME] [--rootless] [--json] IMAGE DIR'],
  about: [
    'IMAGE is an OCI layout, an archive of one, or one of docker save. DIR gets its files as a container sees them, or with',
    '--layers a directory for each layer, 000 the bottom one. What cannot be kept is told on stderr.',
  ],
  flags: {
    layers: { about: 'each layer by itself, in the form that an overlay reads' },
    platform: { value: 'PLATFORM', about: "such as linux/arm64; absent: this machine's" },
    name: { value: 'NAME', about: 'which image, where there are several' },
    rootless: { about: 'write owners down instead of giving them, and leave out what only root may make' },
    json: { about: 'print what was unpacked as an array, the bottom layer first' },
    help: { about: 'this text' },
  },
  words: { min: 2, max: 2, what: 'IMAGE DIR' },
  async run(given, terminal) {
    const [from, to] = given.words as [string, string];
    await using image = await openGivenImage(from, given);
    const bars = new LayerBars(terminal, image.layers);
    const unpacked = await interruptible((signal) =>
      unpackImage(image, wordToPath(to), {
        format: given.has('layers') ? 'overlay' : 'plain',
        ...(given.has('rootless') && { rootless: true }),
        onProgress: bars.report,
        signal,
      }),
    );
    bars.end();
    for (const { dropped } of unpacked)
      for (const { path, what, why } of dropped)
        terminal.complain(`overlayfs: ${printable(path)}: ${printable(what)} is left out: ${why}`);
    if (given.has('json')) terminal.line(toJson(unpacked));
    return 0;
  },
};
