// The words of mount(8) and of the /sbin/mount.TYPE programs that it calls, read into what is to be done.
import { type MountSpec, parseOptions } from '../index.ts';
import { wordToBytes, wordToPath } from './arguments.ts';
import { type FlagRow, readFlags, UsageError } from './flags.ts';

/** mount(8)'s own names for its letters. */
const FLAGS: Readonly<Record<string, FlagRow>> = {
  fake: { short: 'f', about: '' },
  sloppy: { short: 's', about: '' },
  'no-mtab': { short: 'n', about: '' },
  verbose: { short: 'v', about: '' },
  'read-only': { short: 'r', about: '' },
  'read-write': { short: 'w', about: '' },
  'internal-only': { short: 'i', about: '' },
  options: { short: 'o', value: 'OPTIONS', repeatable: true, about: '' },
  types: { short: 't', value: 'TYPE', repeatable: true, about: '' },
  namespace: { short: 'N', value: 'NAMESPACE', about: '' },
};

export interface MountArguments {
  readonly spec: MountSpec & { readonly target: string | Buffer };
  readonly remount: boolean;
  /** Everything but the mount. */
  readonly fake: boolean;
  readonly verbose: boolean;
  /** Options that the package does not know and `-s` has left out. */
  readonly tolerated: readonly string[];
  /** Mount there instead of here: a process id, or a file of /proc/PID/ns. */
  readonly namespace: string | undefined;
}

/** `remount,ro` names no layers: that is no spec yet, and never mounted. */
const noLower: MountSpec['lower'] = [];

/**
 * Reads `[SOURCE] TARGET [-sfnvrw] [-o OPTIONS] [-t TYPE] [-N NAMESPACE]`, the flags anywhere.
 *
 * @throws {UsageError} for the words, {OverlayError} for what is behind -o
 */
export function readMountArguments(args: readonly string[]): MountArguments {
  const given = readFlags(args, FLAGS);
  const { words } = given;
  if (words.length === 0) throw new UsageError('the mount point is missing');
  if (words.length > 2) throw new UsageError(`${JSON.stringify(words[2])} is one word too many`);
  const texts = given.texts('options');
  if (given.has('read-only')) texts.push('ro');
  if (given.has('read-write')) texts.push('rw');
  const { remount, ignored: _, options = {}, ...parts } = parseOptions(wordToBytes(texts.join(',')));
  const { raw = {}, ...known } = options;
  const sloppy = given.has('sloppy');
  const source = words.length === 2 && words[0] !== '' ? words[0] : undefined;
  return {
    spec: {
      lower: noLower,
      ...parts,
      options: { ...known, ...(!sloppy && Object.keys(raw).length > 0 && { raw }) } as MountSpec['options'] &
        object,
      ...(source !== undefined && { source }),
      target: wordToPath(words.at(-1)!),
    },
    remount: remount === true,
    fake: given.has('fake'),
    verbose: given.has('verbose'),
    tolerated: sloppy ? Object.keys(raw) : [],
    namespace: given.text('namespace'),
  };
}
