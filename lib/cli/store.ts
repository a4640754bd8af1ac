// overlayfs store: snapshots by name, in a directory, over overlays or btrfs.
import { openStore, type PrepareOptions, type Store } from '../store/index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { printable } from './printable.ts';
import { importImage } from './store-import.ts';
import { findingLines, snapshotLines, usageLine } from './store-text.ts';
import type { Terminal } from './terminal.ts';

interface Action {
  /** What the words behind the action's name are. */
  readonly words: string;
  readonly least: number;
  readonly most: number;
  /** A directory that is empty, or not there, becomes a store. */
  readonly create?: true;
  /** Absent of `import`, which opens its image before the store. */
  readonly run?: (
    store: Store,
    words: readonly string[],
    given: Given,
    terminal: Terminal,
  ) => Promise<number>;
}

/** Prints data as JSON, or the lines for people. */
function print(given: Given, terminal: Terminal, data: unknown, lines: readonly string[]): void {
  if (given.has('json')) terminal.line(toJson(data));
  else for (const line of lines) terminal.line(line);
}

function labelsOf(given: Given): Record<string, string> {
  return Object.fromEntries(
    given.texts('label').map((text) => {
      const at = text.indexOf('=');
      if (at < 1) throw new UsageError(`--label ${JSON.stringify(text)} has no name before a "="`);
      return [text.slice(0, at), text.slice(at + 1)];
    }),
  );
}

const SIZE = /^(\d+)([KMGT]?)$/;

function countOf(given: Given, flag: 'bytes' | 'inodes'): number | undefined {
  const text = given.text(flag);
  if (text === undefined) return undefined;
  const match = SIZE.exec(text);
  if (match === null)
    throw new UsageError(`--${flag} cannot be ${JSON.stringify(text)}; write 1000, 64M or 2G`);
  return Number(match[1]) * 1024 ** ' KMGT'.indexOf(match[2] || ' ');
}

function prepareOptions(given: Given): PrepareOptions {
  const [bytes, inodes] = [countOf(given, 'bytes'), countOf(given, 'inodes')];
  const limits = { ...(bytes === undefined ? {} : { bytes }), ...(inodes === undefined ? {} : { inodes }) };
  return { labels: labelsOf(given), ...(Object.keys(limits).length === 0 ? {} : { limits }) };
}

const one = (given: Given, terminal: Terminal, snapshot: { readonly name: string }) => {
  print(given, terminal, snapshot, [printable(snapshot.name)]);
  return 0;
};

const ACTIONS: Readonly<Record<string, Action>> = {
  import: { create: true, words: 'IMAGE', least: 1, most: 1 },
  list: {
    words: '[FILTER]…',
    least: 0,
    most: Number.POSITIVE_INFINITY,
    async run(store, words, given, terminal) {
      const snapshots = await store.list(words);
      print(given, terminal, snapshots, snapshotLines(snapshots, terminal));
      return 0;
    },
  },
  prepare: {
    create: true,
    words: 'KEY [PARENT]',
    least: 1,
    most: 2,
    run: async (store, [key, parent], given, terminal) =>
      one(given, terminal, await store.prepare(key!, parent, prepareOptions(given))),
  },
  view: {
    create: true,
    words: 'KEY [PARENT]',
    least: 1,
    most: 2,
    run: async (store, [key, parent], given, terminal) =>
      one(given, terminal, await store.view(key!, parent, { labels: labelsOf(given) })),
  },
  mount: {
    words: 'KEY TARGET',
    least: 2,
    most: 2,
    async run(store, [key, target], given, terminal) {
      const { path } = await store.mount(key!, wordToPath(target!));
      print(given, terminal, { key, path }, [printable(path)]);
      return 0;
    },
  },
  commit: {
    words: 'NAME KEY',
    least: 2,
    most: 2,
    run: async (store, [name, key], given, terminal) =>
      one(given, terminal, await store.commit(name!, key!, { labels: labelsOf(given) })),
  },
  remove: {
    words: 'KEY…',
    least: 1,
    most: Number.POSITIVE_INFINITY,
    async run(store, words, given, terminal) {
      for (const key of words) await store.remove(key);
      print(given, terminal, words, words.map(printable));
      return 0;
    },
  },
  usage: {
    words: '[KEY]…',
    least: 0,
    most: Number.POSITIVE_INFINITY,
    async run(store, words, given, terminal) {
      const names = words.length > 0 ? words : (await store.list()).map(({ name }) => name);
      const rows = [];
      for (const name of names) rows.push({ name, ...(await store.usage(name)) });
      print(
        given,
        terminal,
        rows,
        rows.map((row) => usageLine(row.name, row)),
      );
      return 0;
    },
  },
  check: {
    words: '',
    least: 0,
    most: 0,
    async run(store, _, given, terminal) {
      const findings = given.has('repair') ? await store.repair() : await store.check();
      print(given, terminal, findings, findingLines(findings));
      return findings.every(({ code }) => code === 'ERR_STORE_RUBBISH') ? 0 : 1;
    },
  },
  cleanup: {
    words: '',
    least: 0,
    most: 0,
    async run(store, _, given, terminal) {
      const { removed, findings } = await store.cleanup();
      print(given, terminal, { removed, findings }, removed.map(printable));
      if (!given.has('json')) for (const line of findingLines(findings)) terminal.complain(line);
      return findings.length === 0 ? 0 : 1;
    },
  },
};

function actionOf([name, ...words]: readonly string[]): {
  readonly action: Action;
  readonly words: readonly string[];
} {
  const action = Object.hasOwn(ACTIONS, name!) ? ACTIONS[name!]! : undefined;
  if (action === undefined) {
    throw new UsageError(
      `there is no action ${JSON.stringify(name)}; there are ${Object.keys(ACTIONS).join(', ')}`,
    );
  }
  if (words.length < action.least) throw new UsageError(`${name} needs ${action.words}`);
  if (words.length > action.most)
    throw new UsageError(`${JSON.stringify(words[action.most])} is one word too many`);
  return { action, words };
}

export const storeCommand: Command = {
  summary: 'Keeps named snapshots in a directory: prepared on each other, written to, committed.',
  usage: Object.entries(ACTIONS).map(([name, { words }]) => `store ${name} --root DIR ${words}`.trimEnd()),
  about: [
    '`import`, `prepare` and `view` make a store of a directory that is empty, or not there yet. Only committed snapshots',
    'can be parents; only active ones and views can be mounted. What `mount` mounts stays: umount(8) ends it.',
    '`import` takes an OCI layout, a tar of one, or what `docker save` writes; the names of its layers are their chain IDs.',
    'A filter is as containerd has it: kind==active,labels.app==web. Of several one has to be true.',
    '`check` exits with 1 when something is wrong; what processes that died have left is not, and `cleanup` removes it.',
  ],
  flags: {
    root: { value: 'DIR', about: 'the directory of the store' },
    driver: { value: 'NAME', choices: ['auto', 'overlay', 'btrfs'], about: 'for a new store; default: auto' },
    label: { value: 'NAME=TEXT', repeatable: true, about: 'a label of what is made' },
    name: { value: 'NAME', about: 'import: which image, where there are several' },
    platform: { value: 'OS/ARCH', about: 'import: of an image for several; default: this machine' },
    bytes: { value: 'N', about: 'prepare: how much may be written; K, M, G, T' },
    inodes: { value: 'N', about: 'prepare: how many files may be made' },
    repair: { about: 'check: mend what can be mended without losing anything' },
    json: { about: 'print JSON' },
    help: { about: 'this text' },
  },
  words: { min: 1, max: Number.POSITIVE_INFINITY, what: 'the action' },
  async run(given, terminal) {
    const { action, words } = actionOf(given.words);
    const root = given.text('root');
    if (root === undefined) throw new UsageError('the directory of the store is missing: give --root DIR');
    const driver = given.text('driver') as 'auto' | 'overlay' | 'btrfs' | undefined;
    const open = () =>
      openStore(wordToPath(root), {
        ...(driver !== undefined && { driver }),
        create: action.create === true,
      });
    if (action.run === undefined)
      return one(given, terminal, await importImage(open, words[0]!, given, terminal));
    const store = await open();
    try {
      return await action.run(store, words, given, terminal);
    } finally {
      await store.close();
    }
  },
};
