import { expect, test } from 'vitest';
import { liesIn } from '../../lib/diagnosis/directory-facts.ts';
import { directory, mountinfo } from './facts.ts';

const [bind] = mountinfo('21 20 8:1 /a /bind rw - ext4 /dev/sda1 rw');
const outer = directory('/a', 'lower');

test.each([
  ['itself', outer, true],
  ['a directory in it', directory('/a/b', 'lower'), true],
  ['a neighbour whose name begins alike', directory('/ab', 'lower'), false],
  [
    'one in it, reached through a bind mount',
    directory('/bind/b', 'lower', { mount: bind, placeInFilesystem: Buffer.from('/a/b') }),
    true,
  ],
  ['one whose place is unknown', directory('/a/b', 'lower', { mount: undefined }), undefined],
])('tells whether it lies in another: %s', (_, inner, expected) => {
  expect(liesIn(inner, outer)).toBe(expected);
});
