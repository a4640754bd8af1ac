import { expect, test } from 'vitest';
import type { MountPlace } from '../../lib/kernel/mount-places.ts';
import { partialMounts } from '../../lib/mount/partial-mounts.ts';

let id = 0n;
const place = (root: string, device = '8:1'): MountPlace => {
  id += 1n;
  const target = Buffer.from(`/m${id}`);
  return { id, isOverlay: false, fsType: 'ext4', device, root: Buffer.from(root), target };
};

test.each([
  ['whole filesystems', [place('/'), place('/', '8:2')], []],
  ['the whole and a part', [place('/'), place('/a/b')], ['/a/b']],
  ['a part of a part', [place('/a'), place('/a/b')], ['/a/b']],
  ['two parts side by side', [place('/a'), place('/b')], []],
  ['names that begin alike', [place('/a'), place('/ab')], []],
  ['the same part twice', [place('/a'), place('/a')], []],
  ['a part of another filesystem', [place('/'), place('/a', '8:2')], []],
])('%s', (_, places, roots) => {
  expect(partialMounts(places).map(({ root }) => root.toString())).toEqual(roots);
});
