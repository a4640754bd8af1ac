// Made-up facts about an error inside an overlay, for tests of the rules: each test changes what it is about.
import type { DirectoryFacts } from '../../lib/diagnosis/directory-facts.ts';
import { NO_FLAGS } from '../../lib/diagnosis/directory-flags.ts';
import type { Entry, Notes } from '../../lib/diagnosis/layer-entries.ts';
import type { LayerEntry, RunTimeFacts } from '../../lib/diagnosis/run-time.ts';
import { applyRunTimeRules } from '../../lib/diagnosis/run-time-rules.ts';
import type { Directory } from '../../lib/diagnosis/subject.ts';

export const layers: Readonly<Record<'root' | 'upper' | 'work' | 'lower', Directory>> = {
  root: { option: 'target', path: '/m', absolute: '/m' },
  upper: { option: 'upper', path: '/u', absolute: '/u' },
  work: { option: 'work', path: '/w', absolute: '/w' },
  lower: { option: 'lower', index: 0, path: '/l', absolute: '/l' },
};

export const FILE = 0o100644;
export const DIRECTORY = 0o040755;

interface Odd extends Partial<Notes> {
  mode?: number;
  uid?: number;
  attributes?: number;
  size?: number;
  rdev?: number;
}

export function entry(odd: Odd = {}): Entry {
  const { mode = FILE, uid = 0, attributes = 0, size = 10, rdev = 0, metacopy, redirect, origin } = odd;
  return {
    stat: {
      attributes: BigInt(attributes),
      links: 1,
      uid,
      gid: uid,
      mode,
      inode: 5n,
      device: { major: 8, minor: 1 },
      rdev: { major: rdev, minor: 0 },
      mountId: 1n,
      isDirectory: mode === DIRECTORY,
    },
    size,
    identity: Buffer.from('file'),
    notes: { metacopy, redirect, origin },
  };
}

export const inLayer = (layer: keyof typeof layers, odd?: Odd): LayerEntry => ({
  layer: layers[layer],
  entry: entry(odd),
});

interface Place {
  uid?: number;
  mode?: number;
  links?: number;
  minor?: number;
  available?: number;
  filesFree?: number;
  superOptions?: string;
  project?: number;
}

export function looked(layer: keyof typeof layers, odd: Place = {}): DirectoryFacts {
  const { uid = 0, mode = DIRECTORY, links = 2, minor = 1, available = 1 << 20, filesFree = 1000 } = odd;
  const { stat } = entry({ uid, mode });
  return {
    subject: layers[layer],
    stat: { ...stat, links, device: { major: 8, minor } },
    identity: Buffer.from(layer),
    filesystem: {
      type: 0xef53,
      blockSize: 4096,
      blocks: 1 << 21,
      free: available,
      available,
      files: 2000,
      filesFree,
      flags: 0,
    },
    readOnly: false,
    realPath: Buffer.from(layers[layer].path as string),
    mount: { target: Buffer.from('/'), superOptions: Buffer.from(odd.superOptions ?? 'rw') } as never,
    placeInFilesystem: undefined,
    cloneErrno: 0,
    born: 0n,
    flags: { ...NO_FLAGS, project: odd.project },
  } as Partial<DirectoryFacts> as DirectoryFacts;
}

export type Change = Partial<Omit<RunTimeFacts, 'failure' | 'overlay' | 'caller' | 'module'>> & {
  syscall?: string;
  dest?: string;
  overlay?: Partial<RunTimeFacts['overlay'] & object>;
  caller?: Partial<RunTimeFacts['caller']>;
  module?: Partial<RunTimeFacts['module']>;
};

export function runTimeFacts(errno: number, change: Change = {}): RunTimeFacts {
  const { syscall = 'open', dest, overlay, caller, module, ...rest } = change;
  const { root, upper, work, lower } = layers;
  return {
    failure: {
      errno,
      syscall,
      path: Buffer.from('/m/d/f'),
      dest: dest === undefined ? undefined : Buffer.from(dest),
    },
    overlay: {
      root,
      lower: [lower],
      data: [],
      upper,
      work,
      options: {},
      attributes: {},
      readOnly: false,
      ...overlay,
    },
    itself: entry(),
    place: Buffer.from('d/f'),
    acrossMounts: false,
    inUpper: undefined,
    inLowers: [inLayer('lower')],
    parents: [inLayer('lower', { mode: DIRECTORY })],
    nearest: undefined,
    loop: undefined,
    trap: undefined,
    copied: undefined,
    upper: looked('upper'),
    work: looked('work'),
    lowers: [looked('lower')],
    runners: [],
    caller: { uid: 0, capSysAdmin: true, capMknod: true, initialUserNamespace: true, ...caller },
    overflow: { uid: 65534, gid: 65534 },
    module: { redirectDir: false, metacopy: false, redirectMax: 256, ...module },
    ...rest,
  };
}

/** The codes that all rules give, without their prefix. */
export function codes(errno: number, change?: Change): string[] {
  return applyRunTimeRules(runTimeFacts(errno, change)).map(({ code }) => code.replace('ERR_OVERLAY_', ''));
}
