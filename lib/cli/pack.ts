// overlayfs pack: a layer's directory becomes the archive that images have of it.
import { openStack } from '../layer/index.ts';
import { type Packed, packLayer } from '../oci/index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import type { Given } from './flags.ts';
import { interruptible } from './interruption.ts';
import { toJson } from './json.ts';
import { amount } from './store-text.ts';
import type { Terminal } from './terminal.ts';
import { writeWhole } from './whole-file.ts';

const REDRAW_MS = 50;

/** Draws how much has gone through; of how much is not known. */
async function* watched(bytes: AsyncIterable<Buffer>, terminal: Terminal, signal: AbortSignal) {
  let [count, last] = [0, 0];
  for await (const chunk of bytes) {
    signal.throwIfAborted();
    yield chunk;
    count += chunk.length;
    if (performance.now() - last < REDRAW_MS) continue;
    last = performance.now();
    terminal.draw([`${amount(count)} packed`]);
  }
  terminal.draw([]);
}

async function packed(given: Given, terminal: Terminal): Promise<Packed> {
  const [from, to] = given.words.map(wordToPath) as [string, string];
  const compress = given.text('compress') as 'none' | 'gzip' | 'zstd' | undefined;
  const options = {
    ...(compress !== undefined && { compress }),
    ...(given.has('rootless') && { rootless: true }),
  };
  const lower = given.texts('lower').map(wordToPath);
  const stack = lower.length === 0 ? undefined : await openStack({ upper: from, lower });
  try {
    return await interruptible((signal) =>
      writeWhole(to, async (file) => {
        const layer = packLayer(stack ?? from, options);
        for await (const chunk of watched(layer, terminal, signal)) await file.writeFile(chunk);
        return await layer.result;
      }),
    );
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
    const result = await packed(given, terminal);
    if (given.has('json')) terminal.line(toJson(result));
    else terminal.line(`${result.digest} ${result.size} bytes, diff ID ${result.diffId}`);
    return 0;
  },
};
