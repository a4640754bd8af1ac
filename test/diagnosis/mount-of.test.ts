import { expect, test } from 'vitest';
import { mountOf } from '../../lib/diagnosis/mount-of.ts';
import { DISK, mountinfo } from './facts.ts';

test('the last of the longest mount points that hold the path', () => {
  const mounts = mountinfo(DISK, '30 20 0:40 / /f rw - tmpfs a rw', '31 30 0:41 / /f rw - tmpfs b rw');
  const at = (path: string) => mountOf(Buffer.from(path), mounts)?.id;
  expect(['/f', '/f/x', '/fx', '/'].map(at)).toEqual([31, 31, 20, 20]);
});
