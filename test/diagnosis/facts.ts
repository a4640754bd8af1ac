// Hand-made facts of a mount in which nothing is wrong, for tests to put one thing wrong.
import type { DangerFacts } from '../../lib/diagnosis/danger-facts.ts';
import type { DirectoryFacts } from '../../lib/diagnosis/directory-facts.ts';
import { NO_FLAGS } from '../../lib/diagnosis/directory-flags.ts';
import { NO_INDEX } from '../../lib/diagnosis/index-content.ts';
import type { AskedMount, MountFacts } from '../../lib/diagnosis/mount-facts.ts';
import { applyRules, type Rule } from '../../lib/diagnosis/rule.ts';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { ROOM_TO_WORK } from '../../lib/diagnosis/work-facts.ts';
import { type MountinfoEntry, parseMountinfo } from '../../lib/format/mountinfo.ts';

export function mountinfo(...lines: string[]): MountinfoEntry[] {
  return parseMountinfo(Buffer.from(`${lines.join('\n')}\n`));
}

export const DISK = '20 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw';
const [disk] = mountinfo(DISK);
const EXT4 = 0xef53;

let inode = 100n;

type DirectoryChanges = Partial<Omit<DirectoryFacts, 'stat'>> & { stat?: Partial<DirectoryFacts['stat']> };

/** A directory on the root's ext4, unlike all others; `changes` replace what is said. */
export function directory(path: string, option: string, changes: DirectoryChanges = {}): DirectoryFacts {
  inode += 1n;
  const realPath = Buffer.from(path);
  const device = { major: 8, minor: 1 };
  return {
    subject: { option, path, absolute: path, ...(option === 'lower' && { index: 0 }) },
    identity: Buffer.from(`${inode}`.padStart(16)),
    filesystem: {
      type: EXT4,
      blockSize: 4096,
      blocks: 9,
      free: 9,
      available: 9,
      files: 9,
      filesFree: 9,
      flags: 0,
    },
    readErrno: 0,
    readOnly: false,
    realPath,
    mount: disk,
    placeInFilesystem: realPath,
    cloneErrno: 0,
    born: 1000n,
    flags: NO_FLAGS,
    ...changes,
    stat: {
      attributes: 0n,
      links: 2,
      uid: 0,
      gid: 0,
      mode: 0o40755,
      inode,
      device,
      rdev: { major: 0, minor: 0 },
      mountId: 20n,
      isDirectory: true,
      ...changes.stat,
    },
  };
}

export type Changes = Partial<Omit<MountFacts, 'asked'>> & { asked?: Partial<AskedMount> };

export function facts(changes: Changes = {}): MountFacts {
  const given = {
    lower: [directory('/l', 'lower')],
    data: [],
    upper: directory('/u', 'upper'),
    work: directory('/w', 'work'),
    target: directory('/t', 'target'),
    upperFacts: NO_UPPER,
    room: ROOM_TO_WORK,
    refusedLayers: [],
    withoutHandles: [],
    twins: undefined,
    index: NO_INDEX,
    refusedOptions: [],
    descriptors: { open: 20, limit: 1024, none: false },
    caller: { uid: 0, capSysAdmin: true, initialUserNamespace: true },
    driver: true,
    followsAlways: false,
    mounts: [disk!],
    silent: [],
    mountLimit: 100_000,
    ...changes,
  };
  const subject = (looked: MountFacts['upper']) => looked?.subject;
  const asked: AskedMount = {
    lower: given.lower.map((looked) => looked.subject),
    data: [],
    upper: subject(given.upper),
    work: subject(given.work),
    target: subject(given.target),
    parameters: [],
    ...changes.asked,
  };
  return { ...given, asked };
}

export const NO_DANGER: DangerFacts = {
  targetHasEntries: false,
  leftover: undefined,
  tellsTypes: undefined,
  swapped: false,
  closedErrno: 0,
};

/** `CODE option index`, as the rules find them. */
export function codes(rules: readonly Rule[], changes: Changes): string[] {
  return applyRules(rules, facts(changes)).map(({ finding: { code, option, index } }) =>
    [code.replace('ERR_OVERLAY_', ''), option, index].filter((part) => part !== undefined).join(' '),
  );
}
