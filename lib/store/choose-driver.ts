// Which driver a new store gets: what its directory can do is tried there, and said.

import { OverlayError } from '../format/overlay-error.ts';
import type { DriverName, StoreFacts } from '../format/store/store-facts.ts';
import { callAsync } from '../kernel/call.ts';
import { removeTree } from '../kernel/remove-tree.ts';
import { runAsync } from '../kernel/routine.ts';
import { decodeFileSystemStat } from '../kernel/stat.ts';
import { mount } from '../mount/mount.ts';
import { lacksPrivilege } from '../mount/rootless.ts';
import { quoted } from './refusal.ts';
import { triedSubvolumes } from './subvolumes.ts';

const BTRFS_SUPER_MAGIC = 0x9123683e;
const TRIAL = 'trial';

type Chosen = Omit<StoreFacts, 'version'>;

async function tryOverlay(root: number, path: Uint8Array, name: string): Promise<'trusted' | 'user'> {
  for (const part of ['lower', 'upper', 'work']) await callAsync('mkdirat', root, `${name}/${part}`, 0o700);
  const rootless = await runAsync(lacksPrivilege());
  // By its path: a user namespace's mounts cannot be made of a descriptor's, which is another namespace's.
  const at = (part: string) => Buffer.concat([path, Buffer.from(`/${name}/${part}`)]);
  const overlay = await mount({
    lower: at('lower'),
    upper: at('upper'),
    work: at('work'),
    ...(rootless ? { rootless: true } : {}),
  });
  await overlay.unmount();
  return rootless ? 'user' : 'trusted';
}

async function overlayHere(root: number, path: Uint8Array, name: string, why: string): Promise<Chosen> {
  const dialect = await tryOverlay(root, path, name);
  return {
    driver: 'overlay',
    reason: `${why}an overlay can be mounted with its upper in the store`,
    dialect,
  };
}

function cannot(path: Uint8Array, wanted: string, error: unknown): OverlayError {
  const cause = error instanceof Error ? error.message : String(error);
  const findings = error instanceof OverlayError ? error.findings : [];
  return new OverlayError(
    [
      {
        code: 'ERR_STORE_NO_DRIVER',
        sentence: `${quoted(path)} cannot hold a store of the driver ${wanted}: ${cause}`,
        hint: findings[0]?.hint ?? 'use a directory on a filesystem that can, such as ext4, XFS or btrfs',
        path: Buffer.from(path).toString(),
      },
      ...findings,
    ],
    error,
  );
}

async function choose(
  root: number,
  path: Uint8Array,
  wanted: DriverName | 'auto',
  name: string,
): Promise<Chosen> {
  const isBtrfs = decodeFileSystemStat(await callAsync('fstatfs', root)).type === BTRFS_SUPER_MAGIC;
  let why = '';
  if (wanted === 'btrfs' || (wanted === 'auto' && isBtrfs)) {
    if (!isBtrfs) throw cannot(path, 'btrfs', new Error('it is not on btrfs'));
    try {
      await triedSubvolumes(root, name);
      const reason = 'it is on btrfs, and subvolumes can be made and destroyed there';
      return { driver: 'btrfs', reason, dialect: 'trusted' };
    } catch (error) {
      if (wanted === 'btrfs') throw cannot(path, 'btrfs', error);
      why = `it is on btrfs, but no subvolume can be made and destroyed there (${(error as Error).message}); `;
    }
  }
  try {
    return await overlayHere(root, path, name, why);
  } catch (error) {
    throw cannot(path, 'overlay', error);
  }
}

/** Tries it in the directory. @throws {OverlayError} ERR_STORE_NO_DRIVER */
export async function chooseDriver(
  root: number,
  path: Uint8Array,
  wanted: DriverName | 'auto',
): Promise<Chosen> {
  const name = `sessions/${TRIAL}`;
  await runAsync(removeTree(root, name));
  await callAsync('mkdirat', root, name, 0o700);
  try {
    return await choose(root, path, wanted, name);
  } finally {
    await runAsync(removeTree(root, name));
  }
}
