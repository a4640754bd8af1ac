// Subvolumes with all that lies in them: copied, sealed and destroyed as one tree.

import {
  createSubvolume,
  destroySubvolume,
  setReadOnly,
  snapshotSubvolume,
  subvolumeInfo,
} from '../kernel/btrfs/subvolumes.ts';
import type { Nested } from '../kernel/btrfs/trees.ts';
import { nestedIn } from '../kernel/btrfs/trees.ts';
import { call, callAsync, close } from '../kernel/call.ts';
import {
  AT_REMOVEDIR,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  RESOLVE_BENEATH,
  RESOLVE_NO_SYMLINKS,
} from '../kernel/constants.ts';
import { reach } from '../kernel/reach.ts';
import { type Routine, runAsync } from '../kernel/routine.ts';
import { DIRECTORY } from './place.ts';

// Subvolumes are other devices for the kernel, but no other mounts.
const INSIDE = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;

function* openIn(dir: number, path: Buffer): Routine<number> {
  const flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
  return yield* reach(dir, path, INSIDE, (at, rest) => call('openat2', at, rest, flags, 0, INSIDE));
}

interface Whereabouts {
  readonly parent: Buffer;
  readonly name: string;
}

function whereabouts(path: Buffer): Whereabouts {
  const slash = path.lastIndexOf(0x2f);
  return {
    parent: slash < 0 ? Buffer.from('.') : path.subarray(0, slash),
    name: path.subarray(slash + 1).toString(),
  };
}

/**
 * A snapshot of a subvolume and, at their places in it, of those that lie in it: the kernel leaves empty directories there.
 */
export async function snapshotTree(source: number, directory: number, name: string): Promise<void> {
  await runAsync(snapshotSubvolume(source, directory, name, false));
  const { id } = await runAsync(subvolumeInfo(source));
  const nested = await runAsync(nestedIn(source, id));
  if (nested.length === 0) return;
  const copy = await callAsync('openat', directory, name, DIRECTORY, 0);
  try {
    for (const { path } of nested) await snapshotNested(source, copy, path);
  } finally {
    close(copy);
  }
}

async function snapshotNested(source: number, copy: number, path: Buffer): Promise<void> {
  const { parent, name } = whereabouts(path);
  const inner = await runAsync(openIn(source, path));
  try {
    const above = await runAsync(openIn(copy, parent));
    try {
      await callAsync('unlinkat', above, name, AT_REMOVEDIR);
      await snapshotTree(inner, above, name);
    } finally {
      close(above);
    }
  } finally {
    close(inner);
  }
}

/** Sets or clears the read-only flag of a subvolume and of those in it. */
export async function sealTree(subvolume: number, readOnly: boolean): Promise<void> {
  const { id } = await runAsync(subvolumeInfo(subvolume));
  for (const { path } of await runAsync(nestedIn(subvolume, id))) {
    const inner = await runAsync(openIn(subvolume, path));
    try {
      await sealTree(inner, readOnly);
    } finally {
      close(inner);
    }
  }
  await runAsync(setReadOnly(subvolume, readOnly));
}

/** The subvolumes in one, those within others behind them. */
export function* allNested(root: number, id: bigint): Routine<Nested[]> {
  const found = yield* nestedIn(root, id);
  for (const { id: inner } of [...found]) found.push(...(yield* allNested(root, inner)));
  return found;
}

/** Destroys a subvolume and all that lie in it, the inner ones first. Gives their ids. */
export async function destroyTree(root: number, id: bigint): Promise<bigint[]> {
  const ids = [id, ...(await runAsync(allNested(root, id))).map((nested) => nested.id)].reverse();
  for (const one of ids) await runAsync(destroySubvolume(root, one));
  return ids;
}

/** Makes subvolumes in the directory `name` of `root`, and destroys them. @throws {KernelError} where that cannot be done */
export async function triedSubvolumes(root: number, name: string): Promise<void> {
  const directory = await callAsync('openat', root, name, DIRECTORY, 0);
  try {
    await runAsync(createSubvolume(directory, 'one'));
    const one = await callAsync('openat', directory, 'one', DIRECTORY, 0);
    try {
      await snapshotTree(one, directory, 'two');
      const two = await callAsync('openat', directory, 'two', DIRECTORY, 0);
      const ids = [];
      for (const fd of [two, one]) ids.push((await runAsync(subvolumeInfo(fd))).id);
      close(two);
      for (const id of ids) await destroyTree(root, id);
    } finally {
      close(one);
    }
  } finally {
    close(directory);
  }
}
