// Both drivers do the same: the suite over an overlay on ext4 and XFS, and over btrfs.
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { loopFilesystem } from '../support/filesystems.ts';
import { type StorePlace, snapshotterSuite } from './suite.ts';

const on = (kind: 'ext4' | 'xfs' | 'btrfs', sizeMiB: number): StorePlace => {
  return () => join(mkdtempSync(join(loopFilesystem(kind, { sizeMiB }).path, 'store-')), 'root');
};

snapshotterSuite('overlay on ext4', on('ext4', 64));
snapshotterSuite('btrfs', on('btrfs', 512), 32);
