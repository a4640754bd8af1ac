import { expect, test } from 'vitest';
import { OVERLAP_RULES, STACK_RULES } from '../../lib/diagnosis/stack-rules.ts';
import { type Changes, codes, DISK, directory, mountinfo } from './facts.ts';

const OVERLAY = 0x794c7630;
const { filesystem } = directory('/', 'lower');
const on = (type: number) => ({ ...filesystem, type });
const mounts = mountinfo(
  DISK,
  '30 20 0:30 / /one rw - overlay overlay ro,lowerdir=/a:/b',
  '31 20 0:31 / /two rw - overlay overlay ro,lowerdir=/one:/c',
);
const same = directory('/x', 'upper');
const lower = (path: string, changes: Parameters<typeof directory>[2] = {}) =>
  directory(path, 'lower', changes);
const detached = lower('/', { filesystem: on(OVERLAY), mount: undefined, placeInFilesystem: undefined });

test.each<[string, Changes, string[]]>([
  ['layers that lie apart', { lower: [lower('/a'), lower('/ab')] }, []],
  ['procfs', { lower: [lower('/proc', { filesystem: on(0x9fa0) })] }, ['PROC_LAYER lower 0']],
  [
    'an upper on procfs',
    { upper: directory('/proc', 'upper', { filesystem: on(0x9fa0) }) },
    ['PROC_LAYER upper'],
  ],
  [
    'an overlay of no mount table that the kernel refused alone',
    {
      lower: [detached],
      refusedLayers: [{ subject: detached.subject, as: 'depth', words: '' }],
    },
    ['TOO_DEEP lower 0'],
  ],
  ['an overlay of no mount table', { lower: [detached] }, []],
  ['an overlay', { lower: [lower('/one', { filesystem: on(OVERLAY), mount: mounts[1] })], mounts }, []],
  [
    'an overlay over an overlay',
    { lower: [lower('/two', { filesystem: on(OVERLAY), mount: mounts[2] })], mounts },
    ['TOO_DEEP lower 0'],
  ],
  [
    'the upper as lower',
    { upper: same, lower: [lower('/x', { identity: same.identity })] },
    ['LAYER_TWICE lower 0'],
  ],
  ['a lower in a lower', { lower: [lower('/a'), lower('/a/b')] }, ['LAYERS_OVERLAP lower 0']],
  ['a lower in the upper', { lower: [lower('/u/b')] }, ['LAYERS_OVERLAP lower 0']],
  ['the upper in a lower', { upper: directory('/l/u', 'upper') }, []],
  ['layers whose place is unknown', { lower: [lower('/u/b', { mount: undefined })] }, []],
])('%s', (_, changes, expected) => {
  expect(codes([...STACK_RULES, ...OVERLAP_RULES], changes)).toEqual(expected);
});
