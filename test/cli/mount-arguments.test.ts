import { expect, test } from 'vitest';
import { readMountArguments } from '../../lib/cli/mount-arguments.ts';

const nothing = { fake: false, verbose: false, remount: false, tolerated: [], namespace: undefined };

test.each([
  ['mount(8)', ['-t', 'overlay', '-o', 'lowerdir=/a:/b,ro', 'over', '/m'], { source: 'over' }],
  [
    'a mount.TYPE program, flags last',
    ['over', '/m', '-n', '-o', 'ro,lowerdir=/a:/b', '-t', 'x.y'],
    { source: 'over' },
  ],
  ['podman', ['-o', 'lowerdir=/a:/b,,ro', '/m'], {}],
  ['letters together', ['-nooverlay,ro,lowerdir=/a:/b', '/m'], { options: { raw: { overlay: true } } }],
  ['-r', ['-r', '-o', 'lowerdir=/a:/b', '', '/m'], {}],
  ['several -o', ['-o', 'rw', '-o', 'lowerdir=/a:/b,ro', '/m'], {}],
])('the words of %s', (_, args, more) => {
  expect(readMountArguments(args)).toEqual({
    ...nothing,
    spec: { lower: ['/a', '/b'], target: '/m', attributes: { readOnly: true }, options: {}, ...more },
  });
});
test('-f -s -v -N, and what -s leaves out', () => {
  const read = readMountArguments(['-sfv', '/m', '-N', '7', '-o', 'lowerdir=/a,bogus,index=on,odd=1']);
  expect(read).toEqual({
    spec: { lower: ['/a'], target: '/m', options: { index: true } },
    fake: true,
    verbose: true,
    remount: false,
    tolerated: ['bogus', 'odd'],
    namespace: '7',
  });
});
test('remount', () => {
  expect(readMountArguments(['/m', '-o', 'remount,ro'])).toMatchObject({
    remount: true,
    spec: { lower: [], attributes: { readOnly: true } },
  });
});
test.each([
  [[], 'the mount point is missing'],
  [['a', 'b', 'c'], '"c" is one word too many'],
  [['-q', '/m'], 'there is no flag -q'],
  [['/m', '-o', 'lowerdir='], 'lowerdir has no value'],
])('%j is refused', (args, sentence) => {
  expect(() => readMountArguments(args)).toThrow(sentence);
});
