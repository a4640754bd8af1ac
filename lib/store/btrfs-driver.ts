// The driver btrfs: a snapshot is a subvolume, made as a snapshot of its parent's.
import { parseMountinfo } from '../format/mountinfo.ts';
import type { Finding } from '../format/overlay-error.ts';
import { bytesToPath } from '../format/path-bytes.ts';
import type { SnapshotRecord, Usage } from '../format/store/record.ts';
import { createSubvolume, subvolumeInfo, syncFilesystem } from '../kernel/btrfs/subvolumes.ts';
import { destroyedSubvolumes, isInTree, nestedIn } from '../kernel/btrfs/trees.ts';
import { callAsync, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, STATX_INO, STATX_MNT_ID } from '../kernel/constants.ts';
import { ENOENT, ENOTTY } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { runAsync } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import { subvolumeUsage } from './btrfs-usage.ts';
import type { Driver, Making } from './driver.ts';
import { type OpenEntry, openData } from './entries.ts';
import { limitSubvolume } from './limits.ts';
import { requireMetadataSpace } from './metadata-space.ts';
import type { MountDescription } from './mount-description.ts';
import { DIRECTORY, type Place } from './place.ts';
import { DATA } from './read-record.ts';
import { isErrno, quoted } from './refusal.ts';
import { pause } from './store-lock.ts';
import { destroyTree, sealTree, snapshotTree } from './subvolumes.ts';

async function withData<T>(directory: number, name: string, use: (fd: number) => Promise<T>): Promise<T> {
  const fd = await callAsync('openat', directory, name, DIRECTORY, 0);
  try {
    return await use(fd);
  } finally {
    close(fd);
  }
}

const isOwn = ({ kind, parent }: SnapshotRecord) => kind !== 'view' || parent === null;

async function make(place: Place, { fd, record, parent }: Making): Promise<Partial<SnapshotRecord>> {
  if (parent !== undefined) await withData(parent.fd, DATA, (source) => snapshotTree(source, fd, DATA));
  else {
    await runAsync(createSubvolume(fd, DATA));
    await callAsync('fchmodat', fd, DATA, 0o755);
  }
  const { limits } = record;
  if (limits !== undefined) await withData(fd, DATA, (data) => limitSubvolume(place, data, limits));
  return {};
}

async function seal(_place: Place, { fd }: OpenEntry): Promise<Partial<SnapshotRecord>> {
  return await withData(fd, DATA, async (data) => {
    // What is to be written yet would count as a change afterwards.
    await callAsync('syncfs', data);
    await sealTree(data, true);
    return { transaction: String((await runAsync(subvolumeInfo(data))).changed) };
  });
}

async function unseal(place: Place, entry: OpenEntry): Promise<void> {
  if (entry.record.kind !== 'active') return;
  const data = await openData(place, entry);
  try {
    await sealTree(data, false);
  } finally {
    close(data);
  }
}

async function usage(place: Place, entry: OpenEntry): Promise<Usage> {
  const { record } = entry;
  if (record.usage !== undefined) return record.usage;
  if (!isOwn(record)) return { bytes: 0, inodes: 0 };
  const data = await openData(place, entry);
  try {
    await callAsync('syncfs', data);
    return await subvolumeUsage(data, record.parent === null);
  } finally {
    close(data);
  }
}

async function deviceOf(place: Place): Promise<string | Buffer> {
  const { mountId } = decodeStat(await callAsync('statx', place.root, '', AT_EMPTY_PATH, STATX_MNT_ID));
  const text = await runAsync(readIfPossible('/proc/self/mountinfo'));
  const mount = parseMountinfo(text ?? Buffer.alloc(0)).find(({ id }) => BigInt(id) === mountId);
  return bytesToPath(mount?.source ?? Buffer.from('none'));
}

async function mounts(place: Place, { fd, record }: OpenEntry): Promise<MountDescription[]> {
  const source = await deviceOf(place);
  const infoOf = async (directory: number, name: string) =>
    await withData(directory, name, async (data) => await runAsync(subvolumeInfo(data)));
  const { id } = isOwn(record)
    ? await infoOf(fd, DATA)
    : await infoOf(place.snapshots, `${record.chain[0]}/${DATA}`);
  const readOnly = record.kind === 'view';
  return [{ type: 'btrfs', source, options: [`subvolid=${id}`, ...(readOnly ? ['ro'] : [])] }];
}

async function destroy(place: Place, directory: number): Promise<void> {
  let data: number;
  try {
    data = await callAsync('openat', directory, DATA, DIRECTORY, 0);
  } catch (error) {
    if (isErrno(error, ENOENT)) return;
    throw error;
  }
  let id: bigint;
  try {
    ({ id } = await runAsync(subvolumeInfo(data)));
    // The root of a subvolume has this number; a directory of another would be destroyed with it.
    const { inode } = decodeStat(await callAsync('statx', data, '', AT_EMPTY_PATH, STATX_INO));
    if (inode !== 256n) return;
    // In a read-only subvolume none can be destroyed.
    if ((await runAsync(nestedIn(data, id))).length > 0) await sealTree(data, false);
  } finally {
    close(data);
  }
  await destroyTree(place.root, id);
}

async function check(place: Place, { fd, directory, record }: OpenEntry): Promise<Finding[]> {
  if (!isOwn(record)) return [];
  const path = place.path('snapshots', directory, DATA).toString();
  const finding = (code: string, sentence: string, hint: string): Finding[] => [
    { code, sentence, hint, path },
  ];
  try {
    return await withData(fd, DATA, async (data) => {
      const { changed, readOnly } = await runAsync(subvolumeInfo(data));
      if (record.kind !== 'committed') return [];
      if (record.transaction !== undefined && BigInt(record.transaction) !== changed) {
        const sentence = `the committed snapshot ${quoted(record.name)} was written to, in transaction ${changed}`;
        return finding(
          'ERR_STORE_CHANGED',
          sentence,
          'do not trust it: remove it with its children, and make it anew',
        );
      }
      if (readOnly) return [];
      const sentence = `the committed snapshot ${quoted(record.name)} can be written to`;
      return finding('ERR_STORE_WRITABLE', sentence, 'repair() makes it read-only again');
    });
  } catch (error) {
    if (!isErrno(error, ENOENT, ENOTTY)) throw error;
    const sentence = `the snapshot ${quoted(record.name)} has no subvolume at ${JSON.stringify(path)}`;
    return finding(
      'ERR_STORE_DAMAGED',
      sentence,
      'remove the snapshot and what was made of it, and make it anew',
    );
  }
}

async function mend(_place: Place, { fd, record }: OpenEntry): Promise<void> {
  if (record.kind !== 'committed') return;
  try {
    await withData(fd, DATA, (data) => sealTree(data, true));
  } catch (error) {
    // Without a subvolume there is nothing to mend; check() tells of it.
    if (!isErrno(error, ENOENT, ENOTTY)) throw error;
  }
}

const PAUSE_MS = 20;
/** The kernel's thread is woken by each end of a transaction; how long it then needs depends on how much there is to free. */
const PATIENCE_MS = 120_000;

async function settle(place: Place): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  for (const id of await runAsync(destroyedSubvolumes(place.root))) {
    while ((await runAsync(isInTree(place.root, id))) && performance.now() < end) {
      await runAsync(syncFilesystem(place.root));
      await pause(PAUSE_MS);
    }
  }
}

export const btrfsDriver: Driver = {
  name: 'btrfs',
  beforeMaking: async (place, record) => {
    if (isOwn(record)) await requireMetadataSpace(place);
  },
  finish: (place, record) => (isOwn(record) ? (making) => make(place, making) : undefined),
  seal,
  afterCommit: async () => {},
  unseal,
  usage,
  mounts,
  parts: (record) => (isOwn(record) ? [DATA] : []),
  isBare: (record) => !isOwn(record),
  destroy,
  check,
  mend,
  settle,
};
