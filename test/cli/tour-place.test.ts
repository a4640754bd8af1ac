import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { TourPlace } from '../../lib/cli/tour-place.ts';
import { mountsBelow } from '../support/mounts.ts';
import { privileged } from '../support/privilege.ts';

test('is private, is the current directory, and is gone at the end', async () => {
  const before = process.cwd();
  const place = new TourPlace();
  try {
    expect(process.cwd()).toBe(place.path);
    mkdirSync('a/b', { recursive: true });
  } finally {
    await place.remove();
  }
  expect(process.cwd()).toBe(before);
  expect(existsSync(place.path)).toBe(false);
  await place.remove();
});
privileged('takes its mounts along, the busy ones too', async () => {
  const place = new TourPlace();
  try {
    for (const name of ['l', 'm', 'n']) mkdirSync(name);
    writeFileSync('l/file', '');
    await place.mount({ lower: 'l', target: 'm' });
    await place.mount({ lower: 'l', target: 'n' });
    process.chdir('m');
    expect(mountsBelow(place.path)).toHaveLength(2);
    await place.unmountAll();
    expect(mountsBelow(place.path)).toEqual([]);
  } finally {
    await place.remove();
  }
  expect(existsSync(place.path)).toBe(false);
});
