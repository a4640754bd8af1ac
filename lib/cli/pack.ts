// overlayfs pack: a layer's directory becomes the archive that images have of it.
import { createWriteStream } from 'node:fs';
import { unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { openStack } from '../layer/index.ts';
import { packLayer } from '../oci/pack-layer.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import type { Given } from './flags.ts';
import { toJson } from './json.ts';

async function packed(given: Given) {
  const [from, to] = given.words.map(wordToPath) as [string, string];
  const compress = given.text('compress') as 'none' | 'gzip' | 'zstd' | undefined;
  const options = {
    ...(compress !== undefined && { compress }),
    ...(given.has('rootless') && { rootless: true }),
  };
  const lower = given.texts('lower').map(wordToPath);
  const stack = lower.length === 0 ? undefined : await openStack({ upper: from, lower });
  let made = false;
  try {
    const layer = packLayer(stack ?? from, options);
    const file = createWriteStream(to, { flags: 'wx' });
    file.once('open', () => {
      made = true;
    });
    await pipeline(layer, file);
    return await layer.result;
  } catch (error) {
    if (made) await unlink(to);
    throw error;
  } finally {
    await stack?.close();
  }
}

export const packCommand: Command = {
  summary: 'Packs the layer in DIR into FILE, which must not be there, and prints its digests.',
  usage: ['pack [--lower DIR]… [--compress none|gzip|zstd] [--rootless] [--json] DIR FILE'],
  about: [
    'With --lower only what DIR changes of those layers is packed, and what is renamed or copied up in part is made whole.',
  ],
  flags: {
    lower: { value: 'DIR', repeatable: true, about: 'a layer below; repeat it, the top one first' },
    compress: { value: 'HOW', choices: ['none', 'gzip', 'zstd'], about: 'absent: gzip' },
    rootless: { about: 'the layer was unpacked with --rootless' },
    json: { about: 'print digest, diffId and size as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 2, max: 2, what: 'DIR FILE' },
  async run(given, terminal) {
    const result = await packed(given);
    if (given.has('json')) terminal.line(toJson(result));
    else terminal.line(`${result.digest} ${result.size} bytes, diff ID ${result.diffId}`);
    return 0;
  },
};
