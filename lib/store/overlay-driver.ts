// The driver overlay: a snapshot is an upper, and its parents are the lowers of its mount.
import type { Finding } from '../format/overlay-error.ts';
import type { SnapshotRecord, Usage } from '../format/store/record.ts';
import { callAsync, close } from '../kernel/call.ts';
import { ENOENT } from '../kernel/errno.ts';
import { MAY_FAIL, type Program } from '../kernel/program.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import { countTree } from './count.ts';
import type { Driver, Making } from './driver.ts';
import { type OpenEntry, openData } from './entries.ts';
import { limitByProject, unlimitProject } from './limits.ts';
import { bindMount, type MountDescription, overlayMount } from './mount-description.ts';
import { DIRECTORY, type Place } from './place.ts';
import { DATA } from './read-record.ts';
import { isErrno, quoted } from './refusal.ts';

/** Where the driver works. */
export const WORK = 'work';

/** The layers that a mount of the snapshot is made of. */
export interface Layers {
  /** The parent first. */
  readonly lower: readonly Buffer[];
  /** Absent for a view of a parent. */
  readonly upper: Buffer | undefined;
  readonly work: Buffer | undefined;
}

export function layersOf(place: Place, directory: string, record: SnapshotRecord): Layers {
  const own = record.kind !== 'view' || record.parent === null;
  return {
    lower: record.chain.map((name) => place.path('snapshots', name, DATA)),
    upper: own ? place.path('snapshots', directory, DATA) : undefined,
    work: record.kind === 'active' ? place.path('snapshots', directory, WORK) : undefined,
  };
}

const NO_USAGE: Usage = { bytes: 0, inodes: 0 };

function begin(place: Place, program: Program, { fd, record, parent }: Making): void {
  if (record.kind === 'view' && parent !== undefined) return;
  program.add('mkdirat', 0, fd, DATA, 0o755);
  if (parent !== undefined) {
    // An overlay shows its upper's root. The owner first: changing it takes set-id bits away.
    const root = program.bytesOf(program.add('statx', 0, parent.fd, DATA, 0, 0x7ff));
    // A rootless store has owners that it cannot give.
    program.add('fchownat_of', place.facts.dialect === 'user' ? MAY_FAIL : 0, fd, DATA, root);
    program.add('fchmodat_of', 0, fd, DATA, root);
  } else program.add('fchmodat', 0, fd, DATA, 0o755);
  if (record.kind === 'active') program.add('mkdirat', 0, fd, WORK, 0o700);
}

async function usage(place: Place, entry: OpenEntry): Promise<Usage> {
  const { record } = entry;
  if (record.usage !== undefined) return record.usage;
  if (record.kind === 'view') return NO_USAGE;
  const data = await openData(place, entry);
  try {
    return await countTree(data);
  } finally {
    close(data);
  }
}

async function mounts(place: Place, { directory, record }: OpenEntry): Promise<MountDescription[]> {
  const { lower, upper, work } = layersOf(place, directory, record);
  const [parent] = lower;
  const readOnly = record.kind === 'view';
  if (parent === undefined) return [bindMount(upper!, readOnly)];
  // The kernel refuses an overlay of one lower.
  if (readOnly && lower.length === 1) return [bindMount(parent, true)];
  const userxattr = place.facts.dialect === 'user';
  return [
    overlayMount({ lower, userxattr, ...(upper === undefined || work === undefined ? {} : { upper, work }) }),
  ];
}

async function hasDirectory(fd: number, name: string): Promise<boolean> {
  try {
    close(await callAsync('openat', fd, name, DIRECTORY, 0));
    return true;
  } catch (error) {
    if (isErrno(error, ENOENT)) return false;
    throw error;
  }
}

async function check(place: Place, { fd, directory, record }: OpenEntry): Promise<Finding[]> {
  const { upper, work } = layersOf(place, directory, record);
  const path = place.path('snapshots', directory).toString();
  const findings: Finding[] = [];
  const missing = (what: string, hint: string) =>
    findings.push({
      code: 'ERR_STORE_DAMAGED',
      sentence: `the snapshot ${quoted(record.name)} has no ${what} in ${JSON.stringify(path)}`,
      hint,
      path,
    });
  if (upper !== undefined && !(await hasDirectory(fd, DATA)))
    missing('data directory', 'remove the snapshot and what was made of it, and make it anew');
  if (work !== undefined && !(await hasDirectory(fd, WORK))) missing('work directory', 'repair() makes one');
  return findings;
}

async function mend(_place: Place, { fd, record }: OpenEntry): Promise<void> {
  if (record.kind === 'active' && !(await hasDirectory(fd, WORK)))
    await callAsync('mkdirat', fd, WORK, 0o700);
}

export const overlayDriver: Driver = {
  name: 'overlay',
  begin,
  finish: (place, { limits }) =>
    limits === undefined
      ? undefined
      : async ({ fd }) => ({ project: await limitByProject(place, fd, [DATA, WORK], limits) }),
  seal: async () => ({}),
  afterCommit: async (_place, { fd, record }) => {
    await runAsync(removeTree(fd, WORK));
    if (record.project !== undefined) await unlimitProject(fd, DATA);
  },
  usage,
  mounts,
  parts: ({ kind, parent }) =>
    kind === 'active' ? [DATA, WORK] : kind === 'committed' || parent === null ? [DATA] : [],
  isBare: ({ project }) => project === undefined,
  destroy: async (_place, directory, record) => {
    if (record === undefined || record.project !== undefined) await unlimitProject(directory, DATA);
  },
  check,
  mend,
};
