import { existsSync } from 'node:fs';
import { expect } from 'vitest';
import { TourPlace } from '../../lib/cli/tour-place.ts';
import { type Step, walk } from '../../lib/cli/tour-steps.ts';
import { privileged } from '../support/privilege.ts';

privileged('each step does what it tells, and the last leaves nothing', async () => {
  const place = new TourPlace();
  const steps: Record<string, Step> = {};
  try {
    for await (const step of walk(place, { userxattr: false })) steps[step.title] = step;
  } finally {
    await place.remove();
  }
  expect(Object.keys(steps)).toHaveLength(10);
  expect(steps['One mount joins them']).toMatchObject({
    shell: ['mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged'],
    call: ["await mount({ lower: 'lower', upper: 'upper', work: 'work', target: 'merged' })"],
    directories: { merged: { 'in_both.txt': '"I\'m from upper!"', 'in_lower.txt': '"I\'m from lower!"' } },
  });
  expect(steps['A new file']!.files).toEqual({
    'merged/new_file': '"new file"',
    'upper/new_file': '"new file"',
    'lower/new_file': 'not there',
  });
  expect(steps['Changing a file of the lower']!.files).toMatchObject({
    'upper/in_lower.txt': '"I\'m from lower!\\nChanged."',
    'lower/in_lower.txt': '"I\'m from lower!"',
  });
  expect(steps.Deleting!.files).toEqual({
    'merged/in_both.txt': 'not there',
    'upper/in_both.txt': 'character special file 0,0',
    'lower/in_both.txt': '"I\'m from lower!"',
  });
  expect(steps['A whiteout cannot be copied']!.facts![0]).toMatch(/^ENXIO: /);
  expect(steps['Many lowers']).toMatchObject({
    files: { 'many/who': '"I\'m from layers/01!"' },
    facts: [
      'many shows 26 names: who, and 25 that one layer each has',
      'list() names 25 lowers, from layers/01 on top to layers/25 at the bottom',
    ],
  });
  expect(steps.Unmounting!.directories).toMatchObject({ merged: {}, upper: { new_file: '"new file"' } });
  expect(steps['Nothing stays']!.facts).toEqual([`${place.path} is gone, and 0 overlays are left in it`]);
  expect(existsSync(place.path)).toBe(false);
});
