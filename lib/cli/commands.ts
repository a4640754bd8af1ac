// The commands of the program: their summaries, and where each is, so that only the one that runs is loaded.
import { nearestName } from '../format/nearest-name.ts';
import type { Command } from './command.ts';
import { UsageError } from './flags.ts';

interface Entry {
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  tour: {
    summary: 'shows live what an overlay does, in a private directory that is gone at the end',
    load: async () => (await import('./tour.ts')).tour,
  },
  mount: {
    summary: "mounts an overlay; takes mount(8)'s words too",
    load: async () => (await import('./mount.ts')).mountCommand,
  },
  umount: {
    summary: 'unmounts overlays, and nothing else',
    load: async () => (await import('./umount.ts')).umountCommand,
  },
  list: {
    summary: 'lists the mounted overlays, layer by layer',
    load: async () => (await import('./list.ts')).listCommand,
  },
  explain: {
    summary: 'says what is wrong with a mount, without mounting',
    load: async () => (await import('./explain.ts')).explainCommand,
  },
  which: {
    summary: 'shows which layer a path comes from, and why not from the others',
    load: async () => (await import('./which.ts')).whichCommand,
  },
  diff: {
    summary: 'lists what was changed in an overlay, deletions first',
    load: async () => (await import('./diff.ts')).diffCommand,
  },
  apply: {
    summary: 'brings what was changed down to the lower, or to another directory',
    load: async () => (await import('./apply.ts')).applyCommand,
  },
  run: {
    summary: 'runs a command over a copy-on-write view, shows what it changed, applies or discards it',
    load: async () => (await import('./run.ts')).runCommand,
  },
  tree: {
    summary: 'shows the merged view as a tree, with the layer of each entry',
    load: async () => (await import('./tree.ts')).treeCommand,
  },
  whiteout: {
    summary: 'marks names of a layer as deleted, or directories as opaque',
    load: async () => (await import('./whiteout.ts')).whiteoutCommand,
  },
  unpack: {
    summary: 'unpacks an image into a directory, or each of its layers',
    load: async () => (await import('./unpack.ts')).unpackCommand,
  },
  pack: {
    summary: 'packs the layer in a directory for an image',
    load: async () => (await import('./pack.ts')).packCommand,
  },
  image: {
    summary: 'tells what each layer of an image adds, changes and deletes, and what nobody sees of it',
    load: async () => (await import('./image.ts')).imageCommand,
  },
  store: {
    summary: 'keeps named snapshots in a directory, over overlays or btrfs',
    load: async () => (await import('./store.ts')).storeCommand,
  },
  doctor: {
    summary: 'tries what this kernel, user and directory can do, and says what would help',
    load: async () => (await import('./doctor.ts')).doctor,
  },
};

/** Names and summaries, in the order of the help. */
export const summaries: ReadonlyMap<string, string> = new Map(
  Object.entries(COMMANDS).map(([name, { summary }]) => [name, summary]),
);

/** @throws {UsageError} */
export async function findCommand(name: string): Promise<Command> {
  if (Object.hasOwn(COMMANDS, name)) return await COMMANDS[name]!.load();
  const near = nearestName(name, summaries.keys());
  throw new UsageError(`there is no command ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
}
