// Who is asked at all; hard-places.test.ts has servers that do not answer.
import { expect, test } from 'vitest';
import {
  answering,
  findSilent,
  isServed,
  onServed,
  silentFinding,
  silentText,
} from '../../lib/diagnosis/silent-places.ts';
import { runAsync, runSync } from '../../lib/kernel/routine.ts';
import { DISK, mountinfo } from './facts.ts';

const served = mountinfo(DISK, '30 20 0:40 / /f rw - fuse.sshfs host: rw');
const lower = { option: 'lower', index: 1, path: '/f/a', absolute: '/f/a' };

test('what answers is not silent, served or not, there or not', async () => {
  for (const mounts of [mountinfo(DISK), served]) {
    const directories = [{ option: 'upper', path: '/', absolute: '/' }, { option: 'target', fd: 0 }, lower];
    expect(runSync(findSilent(directories, mounts))).toEqual([]);
    expect(await runAsync(findSilent(directories, mounts))).toEqual([]);
  }
});

test('says how long it waited and where, and what it did not wait for', () => {
  const place = { directory: lower, mount: served[1], patience: 500, asked: true };
  expect(silentText(place)).toBe('lower 1 ("/f/a"), which did not answer within 500 ms (fuse.sshfs at "/f")');
  expect(silentText({ ...place, asked: false })).toContain('was not waited for');
  expect(silentFinding(place)).toMatchObject({ code: 'ERR_OVERLAY_NO_ANSWER', option: 'lower', index: 1 });
  expect(answering([lower, { option: 'work' }], [place])).toEqual([{ option: 'work' }]);
});

test('what lies on something served is told by the path alone', () => {
  const mounts = mountinfo(
    DISK,
    '30 20 0:40 / /f rw - fuse.sshfs host: rw',
    '31 30 0:41 / /f/in rw - ext4 /dev/sdb rw',
    '32 20 0:42 / /ctl rw - fusectl none rw',
  );
  const at = (...paths: string[]) => paths.map((absolute) => ({ option: 'lower', absolute }));
  const directories = [...at('/f', '/f/a', '/fx', '/f/in/a', '/ctl', '/'), { option: 'upper', fd: 3 }];
  const served = mounts.filter(isServed);
  expect(served.map(({ id }) => id)).toEqual([30]);
  expect(onServed(directories, served, mounts)).toEqual([...at('/f', '/f/a'), { option: 'upper', fd: 3 }]);
  expect(onServed(directories, [], mounts)).toEqual([]);
});
