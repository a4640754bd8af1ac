import { statSync } from 'node:fs';
import { expect } from 'vitest';
import { isThere, lookAtMount, type MountFacts, readMounts } from '../../lib/diagnosis/mount-facts.ts';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import { bindfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const look = (spec: MountSpec): MountFacts =>
  runSync(lookAtMount(readSpec(spec), { mounts: runSync(readMounts()), silent: [] }));

privileged('reads whose lower and upper an index belongs to', () => {
  const layers = { ...scratchDirectory().layers(), options: { index: true } } as const;
  expect(look(layers).upperFacts.remembered).toMatchObject({
    compared: true,
    lower: undefined,
    indexBorn: 0n,
  });
  mountSync(layers).unmountSync();
  const { remembered } = look(layers).upperFacts;
  const inodeOf = (path: string) => statSync(path, { bigint: true }).ino;
  expect(remembered.lower).toEqual({ inode: inodeOf(layers.lower[0]!) });
  expect(remembered.upper).toEqual({ inode: inodeOf(layers.upper) });
  expect(remembered.indexBorn).toBeGreaterThan(0n);
});
privileged('reads the mark of a volatile overlay', () => {
  const layers = scratchDirectory().layers();
  mountSync({ ...layers, options: { volatile: true } }).unmountSync();
  expect(look(layers).upperFacts.incompatible).toEqual(['volatile']);
});
privileged('tries what FUSE can do, and nothing on ext4', () => {
  const scratch = scratchDirectory();
  const layers = scratch.layers();
  expect(look(layers).upperFacts.abilities).toBeUndefined();
  const { path } = bindfsMount(scratch.directory('behind'), { scratch });
  const facts = look({
    lower: layers.lower,
    upper: scratch.directory('behind/u').replace('behind', path.split('/').at(-1)!),
  });
  expect(isThere(facts.upper)).toBe(true);
  expect(facts.upperFacts.abilities?.renameWhiteout.available).toBe(false);
});
