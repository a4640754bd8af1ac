import { expect, test } from 'vitest';
import { LAYER_DANGERS } from '../../lib/diagnosis/layer-dangers.ts';
import { type Changes, directory, facts, NO_DANGER } from './facts.ts';

const inProject = (path: string, project: number | undefined) =>
  directory(path, path === '/u' ? 'upper' : 'work', { flags: { casefold: false, project } });
const projects = (upper: number | undefined, work: number | undefined): Changes => ({
  upper: inProject('/u', upper),
  work: inProject('/w', work),
});
const OTHER = ['WORK_IN_OTHER_PROJECT work'];
const index = { asked: { parameters: [{ key: 'index', value: 'on' }] } };
const handleless = { withoutHandles: [directory('/l', 'lower').subject] };

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
  ['an index, and no handles', { ...index, ...handleless }, false, ['OPTION_DROPPED index']],
  ['no handles, and no index', handleless, false, []],
  ['exchanged', {}, true, ['UPPER_IS_OLD_WORK upper']],
])('%s', (_, changes, swapped, expected) => {
  const found = LAYER_DANGERS.flatMap(({ code, find }) =>
    find(facts(changes), { ...NO_DANGER, swapped }).map((one) => one && `${code.slice(12)} ${one.option}`),
  );
  expect(found.filter((one) => one !== undefined)).toEqual(expected);
});
