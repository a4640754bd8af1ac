// overlayfs mount: an overlay from flags of our own, or from mount(8)'s words.
import { readFileSync } from 'node:fs';
import { MOUNT_ATTRIBUTES } from '../format/attributes.ts';
import {
  list,
  type MountSpec,
  mount,
  type Overlay,
  type OverlayMount,
  type ParsedOptions,
  parseOptions,
} from '../index.ts';
import { wordToBytes, wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { type FlagRow, type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { runMountForm } from './mount-form.ts';

const ATTRIBUTES = MOUNT_ATTRIBUTES.map(({ name, word }) => ({
  name,
  flag: name === 'readOnly' ? 'read-only' : word,
}));

const ABOUT: Readonly<Record<string, string>> = {
  readOnly: 'no writes through this mount',
  nosuid: 'set-user-id bits and file capabilities without effect',
  nodev: 'device nodes cannot be opened',
  noexec: 'programs cannot be executed',
  noatime: 'access times never updated',
  relatime: 'access times updated when older than the modification or a day (the default)',
  strictatime: 'access times updated at each access',
  nodiratime: 'access times of directories never updated',
  nosymfollow: 'symbolic links not followed',
};

/** What insists on a mount that a guard would refuse. */
const INSISTING = [
  {
    name: 'shareUpper',
    flag: 'share-upper',
    about: 'allow an upper or work directory that another overlay has',
  },
  { name: 'shareLower', flag: 'share-lower', about: 'allow a lower that another overlay writes to' },
  { name: 'overlapLayers', flag: 'overlap-layers', about: 'allow an upper or work directory in a lower' },
  {
    name: 'mixDialects',
    flag: 'mix-dialects',
    about: 'allow an upper that was written with userxattr, or without',
  },
  {
    name: 'changeLower',
    flag: 'change-lower',
    about: 'allow an upper that was used with another first lower',
  },
  {
    name: 'trustVolatile',
    flag: 'trust-volatile',
    about: 'allow an upper that a volatile overlay has written',
  },
  { name: 'discardWork', flag: 'discard-work', about: 'allow a work directory with data, which is deleted' },
] as const;

export const FLAGS: Readonly<Record<string, FlagRow>> = {
  lower: { value: 'DIR', repeatable: true, about: 'a layer to read; repeat it, the top one first' },
  data: { value: 'DIR', repeatable: true, about: 'a layer that gives only the data of metacopy files' },
  upper: { value: 'DIR', about: 'where changes go; absent: a read-only view' },
  work: { value: 'DIR', about: "the kernel's scratch directory; absent: made beside the upper" },
  mkdir: { about: 'make upper, work and TARGET when missing' },
  options: { short: 'o', value: 'OPTIONS', repeatable: true, about: "mount(8)'s words: index=on,volatile,…" },
  ...Object.fromEntries(ATTRIBUTES.map(({ name, flag }) => [flag, { about: ABOUT[name]! }])),
  propagation: {
    value: 'HOW',
    choices: ['private', 'slave', 'shared', 'unbindable'],
    about: 'how mounts below it spread; see mount_namespaces(7)',
  },
  source: { value: 'NAME', about: 'the name shown in /proc/mounts (overlay)' },
  ...Object.fromEntries(INSISTING.map(({ flag, about }) => [flag, { about }])),
  guard: { value: 'HOW', choices: ['quick', 'kernel'], about: 'how that is found out (quick)' },
  via: { value: 'CALLS', choices: ['auto', 'fsopen', 'mount'], about: 'which system calls to use (auto)' },
  json: { about: 'print the overlay as `overlayfs list --json` does' },
  help: { about: 'this text' },
};

function once<T>(flag: string, own: T | undefined, text: T | undefined): T | undefined {
  if (own !== undefined && text !== undefined)
    throw new UsageError(`--${flag} and -o both name it; keep one of them`);
  return own ?? text;
}

function layers(given: Given, flag: 'lower' | 'data', parts: ParsedOptions): (string | Buffer)[] | undefined {
  const own = given.has(flag) ? given.texts(flag).map(wordToPath) : undefined;
  return once(flag, own, parts[flag]);
}

function layer(given: Given, flag: 'upper' | 'work', parts: ParsedOptions): string | Buffer | undefined {
  const own = given.text(flag);
  return once(flag, own === undefined ? undefined : wordToPath(own), parts[flag]);
}

/** The mount that the flags and words ask for. @throws {UsageError} {OverlayError} for what is behind -o */
export function specOf(given: Given): MountSpec {
  const parts = parseOptions(wordToBytes(given.texts('options').join(',')));
  if (parts.remount) throw new UsageError('remount changes a mount that is there; this makes one');
  const lower = layers(given, 'lower', parts);
  if (lower === undefined) throw new UsageError('no layer to read: give --lower DIR');
  const own = Object.fromEntries(
    ATTRIBUTES.filter(({ flag }) => given.has(flag)).map(({ name }) => [name, true]),
  );
  const maybe = {
    data: layers(given, 'data', parts),
    upper: layer(given, 'upper', parts),
    work: layer(given, 'work', parts),
    options: parts.options,
    propagation: once('propagation', given.text('propagation'), parts.propagation),
    source: given.text('source'),
    guard: given.text('guard'),
    via: given.text('via'),
  };
  return {
    lower,
    ...(given.words[0] !== undefined && { target: wordToPath(given.words[0]) }),
    mkdir: given.has('mkdir'),
    ...Object.fromEntries(INSISTING.map(({ name, flag }) => [name, given.has(flag)])),
    attributes: { ...parts.attributes, ...own },
    // The choices of the flags are those of the type.
    ...(Object.fromEntries(Object.entries(maybe).filter(([, value]) => value !== undefined)) as object),
  };
}

/** The overlay's row in the mount table, found by its id: several mounts may lie on one path. */
async function rowOf(overlay: Overlay): Promise<OverlayMount | undefined> {
  const info = readFileSync(`/proc/self/fdinfo/${overlay.fd}`, 'utf8');
  const id = Number(/^mnt_id:\s*(\d+)$/m.exec(info)?.[1]);
  return (await list()).find((row) => row.id === id);
}

/** mount(8)'s form has short flags only. */
export function isForeign(args: readonly string[]): boolean {
  return args.some((word) => /^-[^-]/.test(word)) && !args.some((word) => /^--./.test(word));
}

export const mountCommand: Command = {
  summary: 'Mounts an overlay. It stays until it is unmounted, preferably by `overlayfs umount`.',
  usage: [
    'mount --lower DIR… [--upper DIR [--work DIR]] [FLAGS] TARGET',
    'mount -o lowerdir=A:B[,upperdir=U,workdir=W][,ro,nosuid…] [-fnsv] [-t TYPE] [SOURCE] TARGET',
  ],
  about: [
    'The second form has no long flags. It is the one of mount(8) and of /sbin/mount.TYPE programs, with',
    "mount(8)'s exit codes: 0 done, 1 wrong words or permissions, 2 the system, 32 the mount failed.",
  ],
  flags: FLAGS,
  words: { min: 1, max: 1, what: 'TARGET' },
  foreign: (args, terminal) => (isForeign(args) ? runMountForm(args, terminal) : undefined),
  async run(given, terminal) {
    const overlay = await mount(specOf(given));
    if (given.has('json')) terminal.line(toJson((await rowOf(overlay)) ?? null));
    return 0;
  },
};
