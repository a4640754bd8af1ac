import { expect, test } from 'vitest';
import { type DirectoryFlags, NO_FLAGS } from '../../lib/diagnosis/directory-flags.ts';
import { LAYER_DANGERS } from '../../lib/diagnosis/layer-dangers.ts';
import { ROOM_TO_WORK } from '../../lib/diagnosis/work-facts.ts';
import { STATX_ATTR_IMMUTABLE } from '../../lib/kernel/constants.ts';
import { EACCES, EPERM } from '../../lib/kernel/errno.ts';
import type { Stat } from '../../lib/kernel/stat.ts';
import { type Changes, directory, facts, NO_DANGER } from './facts.ts';

const withFlags = (path: string, option: string, flags: Partial<DirectoryFlags>) =>
  directory(path, option, { flags: { ...NO_FLAGS, ...flags } });
const projects = (upper: number | undefined, room: number | undefined): Changes => ({
  upper: withFlags('/u', 'upper', { project: upper }),
  room: { ...ROOM_TO_WORK, project: room },
});
const withStat = (stat: Partial<Stat>) => {
  const upper = directory('/u', 'upper');
  return { ...upper, stat: { ...upper.stat, ...stat } };
};
const user = { uid: 1000, capSysAdmin: false, initialUserNamespace: true };
const OTHER = ['WORK_IN_OTHER_PROJECT work'];

test.each<[string, Changes, number, string[]]>([
  [
    'immutable',
    { upper: withStat({ attributes: BigInt(STATX_ATTR_IMMUTABLE) }) },
    EPERM,
    ['UPPER_CLOSED upper'],
  ],
  ['refused, and not immutable', {}, EPERM, []],
  ["somebody else's", { upper: withStat({ uid: 1 }), caller: user }, EACCES, ['UPPER_CLOSED upper']],
  ['of this user', { upper: withStat({ uid: 1000 }), caller: user }, EACCES, []],
])('an upper: %s', (_, changes, closedErrno, expected) => {
  const found = LAYER_DANGERS.flatMap(({ code, find }) =>
    find(facts(changes), { ...NO_DANGER, closedErrno }).map(
      (one) => one && `${code.slice(12)} ${one.option}`,
    ),
  );
  expect(found.filter((one) => one !== undefined)).toEqual(expected);
});

test.each<[string, Changes, boolean, string[]]>([
  ['nothing', {}, false, []],
  ['one project', projects(5, 5), false, []],
  ['two projects', projects(5, 6), false, OTHER],
  ['only upper has one', projects(5, undefined), false, OTHER],
  [
    'only work has one: xfs lets its files into an upper that demands none',
    projects(undefined, 5),
    false,
    [],
  ],
  ['project 0 is that of everybody', projects(0, undefined), false, []],
  [
    'two projects, work absent',
    { ...projects(5, 6), work: undefined },
    false,
    ['WORK_IN_OTHER_PROJECT upper'],
  ],
  [
    'a lower that may not be listed',
    { lower: [withFlags('/l', 'lower', { readable: false })] },
    false,
    ['LAYER_CLOSED lower'],
  ],
  ['exchanged', {}, true, ['UPPER_IS_OLD_WORK upper']],
])('%s', (_, changes, swapped, expected) => {
  const found = LAYER_DANGERS.flatMap(({ code, find }) =>
    find(facts(changes), { ...NO_DANGER, swapped }).map((one) => one && `${code.slice(12)} ${one.option}`),
  );
  expect(found.filter((one) => one !== undefined)).toEqual(expected);
});
