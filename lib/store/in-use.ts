// Whether something is mounted from a snapshot: asked of the mount tables of every process that can be seen, and of the kernel.

import { readFileSync } from 'node:fs';
import { kernelSaysInUse } from '../diagnosis/in-use.ts';
import { type MountinfoEntry, parseMountinfo } from '../format/mountinfo.ts';
import { describeOverlay } from '../format/overlay-description.ts';
import { callAsync, callSync, close } from '../kernel/call.ts';
import { AT_EMPTY_PATH, AT_FDCWD, O_DIRECTORY, O_PATH, STATX_MNT_ID } from '../kernel/constants.ts';
import { ENOENT } from '../kernel/errno.ts';
import { readIfPossible } from '../kernel/files.ts';
import { allNames } from '../kernel/names.ts';
import { MAY_FAIL, Program, WANT } from '../kernel/program.ts';
import { runAsync } from '../kernel/routine.ts';
import { decodeStat } from '../kernel/stat.ts';
import type { Place } from './place.ts';
import { isErrno, quoted, refusal } from './refusal.ts';

/** The mounts that a process sees. */
interface Table {
  /** `self` or a process id. */
  readonly process: string;
  readonly mounts: readonly MountinfoEntry[];
}

/** At once: it is a page or two, and reading it in steps on other threads takes longer than all else. */
function ownTable(): Table {
  return { process: 'self', mounts: parseMountinfo(readFileSync('/proc/self/mountinfo')) };
}

async function tableOf(process: string): Promise<Table> {
  const text = await runAsync(readIfPossible(`/proc/${process}/mountinfo`));
  return { process, mounts: text === undefined ? [] : parseMountinfo(text) };
}

/** One table for each mount namespace but this one. Who may not look into a process does not see its mounts. */
async function foreignTables(): Promise<Table[]> {
  const proc = await callAsync('openat', AT_FDCWD, '/proc', O_DIRECTORY, 0);
  try {
    const pids = (await runAsync(allNames(proc))).map(String).filter((name) => /^\d+$/.test(name));
    const program = new Program();
    const own = program.add('readlinkat', MAY_FAIL | WANT, proc, 'self/ns/mnt');
    const links = pids.map((pid) => program.add('readlinkat', MAY_FAIL | WANT, proc, `${pid}/ns/mnt`));
    await program.later();
    const seen = new Set([String(program.bytes(own))]);
    const processes: string[] = [];
    links.forEach((link, i) => {
      const namespace = program.bytes(link);
      if (namespace === undefined || seen.has(String(namespace))) return;
      seen.add(String(namespace));
      processes.push(pids[i]!);
    });
    return await Promise.all(processes.map(tableOf));
  } finally {
    close(proc);
  }
}

const SLASH = Buffer.from('/');
const isWithin = (path: Buffer, directory: Buffer) =>
  path.equals(directory) || path.subarray(0, directory.length + 1).equals(Buffer.concat([directory, SLASH]));

const join = (above: Buffer, below: Buffer) =>
  Buffer.concat([above.equals(SLASH) ? Buffer.alloc(0) : above, below]);

/** The store's directory as its filesystem names it, and the numbers by which mount tables name the filesystem. */
interface OnFilesystem {
  readonly device: string;
  readonly path: Buffer;
}

function onFilesystem(place: Place, own: Table): OnFilesystem | undefined {
  const { mountId } = decodeStat(callSync('statx', place.root, '', AT_EMPTY_PATH, STATX_MNT_ID));
  const mount = own.mounts.find(({ id }) => BigInt(id) === mountId);
  if (mount === undefined) return undefined;
  const below = mount.target.equals(SLASH) ? place.absolute : place.absolute.subarray(mount.target.length);
  return { device: `${mount.major}:${mount.minor}`, path: join(mount.root, below) };
}

function usedBy(
  mount: MountinfoEntry,
  directory: Buffer,
  source: string,
  below: Buffer | undefined,
  device: string,
): boolean {
  if (below !== undefined && `${mount.major}:${mount.minor}` === device && isWithin(mount.root, below))
    return true;
  if (mount.fsType !== 'overlay') return false;
  if (mount.source.toString() === source) return true;
  const { lower, data, upper, work } = describeOverlay(mount.superOptions);
  return [...lower, ...data, upper, work].some((path) => path !== undefined && isWithin(path, directory));
}

/** What the mount table shows as the source of our own mounts, so that views of one parent can be told apart. */
export const sourceOf = (directory: string): string => `overlayfs-store:${directory}`;

function inUse(name: string, where: string): Error {
  const sentence = `the snapshot ${JSON.stringify(name)} is in use: ${where}`;
  return refusal('ERR_STORE_IN_USE', sentence, 'unmount it first', { option: 'key' });
}

/** An upper of an overlay: the kernel is asked for it, or no overlay has ever been mounted with its work directory. */
export type Upper = 'ask' | 'never mounted';

async function kernelSays(place: Place, directory: string): Promise<boolean | undefined> {
  let fd: number;
  try {
    fd = await callAsync('openat', place.snapshots, `${directory}/fs`, O_PATH | O_DIRECTORY, 0);
  } catch (error) {
    // What is missing is no upper; check() tells of it.
    if (isErrno(error, ENOENT)) return false;
    throw error;
  }
  try {
    return await runAsync(kernelSaysInUse(fd));
  } finally {
    close(fd);
  }
}

/**
 * Refuses a snapshot that is mounted, in whatever mount namespace this user may look into. An upper the kernel itself
 * knows to be in use, also of an overlay that is in no table; of a bind mount that is in none nobody can know.
 *
 * @throws {OverlayError} ERR_STORE_IN_USE
 */
export async function refuseMounted(
  place: Place,
  name: string,
  directory: string,
  upper: Upper | undefined,
): Promise<void> {
  const path = place.path('snapshots', directory);
  // It waits for a grace period of RCU, which is longer than all else here takes.
  const asking = upper === 'ask' ? kernelSays(place, directory) : undefined;
  asking?.catch(() => {});
  const own = ownTable();
  const here = onFilesystem(place, own);
  const below = here && join(here.path, Buffer.from(`/snapshots/${directory}`));
  // What is mounted on a directory in it would be in the way; in other namespaces the kernel takes such mounts away.
  const on = own.mounts.find(({ target }) => isWithin(target, path));
  if (on !== undefined) throw inUse(name, `something is mounted on ${quoted(on.target)}`);
  // Overlays with an upper the kernel tells of, whatever the namespace.
  const tables = upper !== undefined ? [own] : [own, ...(await foreignTables())];
  for (const { process, mounts } of tables) {
    const mount = mounts.find((one) => usedBy(one, path, sourceOf(directory), below, here?.device ?? ''));
    if (mount === undefined) continue;
    const whose = process === 'self' ? '' : ` in the mount namespace of process ${process}`;
    throw inUse(name, `it is mounted at ${quoted(mount.target)}${whose}`);
  }
  if ((await asking) === true)
    throw inUse(name, 'the kernel says that its data directory is the upper of a live overlay');
}
