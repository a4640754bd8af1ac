import { expect, test } from 'vitest';
import { leadsTo, mountOf } from '../../lib/diagnosis/mount-of.ts';
import { DISK, mountinfo } from './facts.ts';

test('the last of the longest mount points that hold the path', () => {
  const mounts = mountinfo(DISK, '30 20 0:40 / /f rw - tmpfs a rw', '31 30 0:41 / /f rw - tmpfs b rw');
  const at = (path: string) => mountOf(Buffer.from(path), mounts)?.id;
  expect(['/f', '/f/x', '/fx', '/'].map(at)).toEqual([31, 31, 20, 20]);
});

test('a path leads to a mount by whole names', () => {
  const mount = { target: Buffer.from('/f/g'), fsType: 'ext4' };
  const leads = (path: string) => leadsTo(Buffer.from(path), mount);
  expect(['/f/g', '/f/g/', '/f/g/h', '/f/gh', '/f', '/f/'].map(leads)).toEqual([
    true,
    true,
    true,
    false,
    false,
    false,
  ]);
});
