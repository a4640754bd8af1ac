import { expect, test } from 'vitest';
import { nearestName } from '../../lib/format/nearest-name.ts';

const names = ['redirectDir', 'index', 'xino', 'uuid', 'userxattr'];

test.each([
  ['redirect_dir', 'redirectDir'],
  ['REDIRECTDIR', 'redirectDir'],
  ['idnex', 'index'],
  ['indx', 'index'],
  ['user-xattr', 'userxattr'],
  ['xin', 'xino'],
  ['somethingElse', undefined],
  ['', undefined],
])('%j is probably %s', (name, meant) => {
  expect(nearestName(name, names)).toBe(meant);
});

test('gives up on names of absurd length at once', () => {
  expect(nearestName('x'.repeat(1e6), names)).toBeUndefined();
});
