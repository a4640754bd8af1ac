// Which layers a command reads: those that its flags name, or those of the mounted overlay that a path lies in.
import { layersAt } from '../index.ts';
import { openStack, type Stack, type StackSpec } from '../layer/index.ts';
import { wordToPath } from './arguments.ts';
import { type FlagRow, type Given, UsageError } from './flags.ts';
import { FLAGS, specOf } from './mount.ts';

const { lower, data, upper, options } = FLAGS as Record<'lower' | 'data' | 'upper' | 'options', FlagRow>;

/** Flags that name layers; without them the path lies in a mounted overlay. */
export const STACK_FLAGS: Readonly<Record<string, FlagRow>> = {
  lower: { ...lower, about: `${lower.about}; absent: the layers of the mounted overlay` },
  data,
  upper: { ...upper, about: 'the layer above them' },
  options: { ...options, about: "mount(8)'s words for them: lowerdir=A:B,upperdir=U,userxattr…" },
};

export const ABOUT_LAYERS: readonly string[] = [
  'Without --lower or -o the path lies in a mounted overlay, whose layers are found by themselves. With them nothing',
  'needs to be mounted, and the path begins at the root of the merged view.',
];

type Path = string | Buffer;

/** Layers, opened, and a place in their merged view. */
export interface StackSource {
  readonly stack: Stack;
  readonly spec: StackSpec;
  readonly path: Path;
}

/** @throws {UsageError} {OverlayError} for layers that cannot be read, and paths that lie in no overlay */
export async function stackOf(given: Given, word: string): Promise<StackSource> {
  if (Object.keys(STACK_FLAGS).some((flag) => given.has(flag))) {
    if (given.has('upper') && !given.has('lower') && !given.has('options'))
      throw new UsageError('--upper alone is no stack; give --lower DIR too');
    const spec = specOf(given) as StackSpec;
    return { stack: await openStack(spec), spec, path: wordToPath(word) };
  }
  const { mount, path } = await layersAt(wordToPath(word));
  return { stack: await openStack(mount), spec: mount, path: path as Path };
}
