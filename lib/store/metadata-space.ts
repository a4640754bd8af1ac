// The trap of btrfs: metadata that cannot grow any more while df(1) still shows room. Looked at before each snapshot.
import { type Finding, OverlayError } from '../format/overlay-error.ts';
import { directoryName, type Usage } from '../format/store/record.ts';
import { readSpace, type Space } from '../kernel/btrfs/space.ts';
import { callAsync, close } from '../kernel/call.ts';
import { runAsync } from '../kernel/routine.ts';
import { subvolumeUsage } from './btrfs-usage.ts';
import { allEntries } from './entries.ts';
import { DIRECTORY, type Place } from './place.ts';
import { isDamaged } from './read-record.ts';
import { quoted } from './refusal.ts';

const MIB = 2 ** 20;
/** Free metadata below which no snapshot is made: a fiftieth of what is allocated, within these bounds. */
const LEAST = 16 * MIB;
const MOST = 512 * MIB;
/** The least that the kernel allocates for metadata at once, on the smallest filesystems; once for each copy. */
const SMALLEST_CHUNK = 8 * MIB;

export interface Headroom {
  /** Bytes of metadata that can still be written, with what can be allocated for it. */
  readonly free: number;
  readonly needed: number;
}

export function headroomOf({ metadata, reserve, unallocated }: Space): Headroom {
  const growth = Math.floor(unallocated / metadata.copies);
  const free =
    Math.max(0, metadata.allocated - metadata.used - reserve) + (growth < SMALLEST_CHUNK ? 0 : growth);
  return { free, needed: Math.min(MOST, Math.max(LEAST, Math.floor(metadata.allocated / 50))) };
}

export function inMib(bytes: number): string {
  return `${Math.round(bytes / MIB)} MiB`;
}

/** The balance that gives the room of data back that is allocated and not used; undefined where there is little of it. */
export function balanceCommand({ data }: Space, path: string): string | undefined {
  if (data.allocated - data.used < LEAST || data.allocated === 0) return undefined;
  // Block groups that are fuller than the average are not worth moving.
  const usage = Math.min(95, 5 * Math.ceil((100 * data.used) / data.allocated / 5) + 10);
  return `btrfs balance start -dusage=${usage} ${path}`;
}

const SHELL_SAFE = /^[\w@%+=:,./-]+$/;
const shellWord = (text: string) => (SHELL_SAFE.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

const SHOWN = 10;

async function heaviest(place: Place): Promise<Finding[]> {
  const sizes: { readonly name: string; readonly bytes: number; readonly inodes: number }[] = [];
  for await (const entry of allEntries(place)) {
    if (isDamaged(entry) || (entry.kind === 'view' && entry.parent !== null)) continue;
    sizes.push({
      name: entry.name,
      ...(entry.usage ?? (await usageOf(place, entry.name, entry.parent === null))),
    });
  }
  sizes.sort((a, b) => b.inodes - a.inodes || b.bytes - a.bytes);
  return sizes.slice(0, SHOWN).map(({ name, bytes, inodes }) => ({
    code: 'ERR_STORE_METADATA_SPACE',
    sentence: `the snapshot ${quoted(name)} has ${inodes} inodes and ${inMib(bytes)} of its own`,
    hint: 'remove it if it is not needed any more',
  }));
}

async function usageOf(place: Place, name: string, base: boolean): Promise<Usage> {
  const fd = await callAsync('openat', place.snapshots, `${directoryName(name)}/fs`, DIRECTORY, 0);
  try {
    return await subvolumeUsage(fd, base);
  } finally {
    close(fd);
  }
}

function spaceFinding(place: Place, space: Space, { free, needed }: Headroom): Finding {
  const { data, metadata, unallocated } = space;
  const path = place.absolute.toString();
  const balance = balanceCommand(space, shellWord(path));
  const amount = ({ allocated, used }: Space['data']) => `${inMib(allocated)} allocated, ${inMib(used)} used`;
  return {
    code: 'ERR_STORE_METADATA_SPACE',
    sentence:
      `${quoted(path)}: btrfs has ${inMib(free)} left for metadata, and a snapshot is made with ${inMib(needed)} at least; ` +
      `data: ${amount(data)}; metadata: ${amount(metadata)} and ${inMib(space.reserve)} kept by the kernel; unallocated: ${inMib(unallocated)}`,
    hint: balance ?? 'remove snapshots and files, or add a device (btrfs device add)',
    path,
  };
}

/** @throws {OverlayError} ERR_STORE_METADATA_SPACE */
export async function requireMetadataSpace(place: Place): Promise<void> {
  const space = await runAsync(readSpace(place.root));
  const headroom = headroomOf(space);
  if (headroom.free >= headroom.needed) return;
  throw new OverlayError([spaceFinding(place, space, headroom), ...(await heaviest(place))]);
}
