import { expect, test } from 'vitest';
import { MEMORY_RULES } from '../../lib/diagnosis/memory-rules.ts';
import { NO_UPPER, type Remembered } from '../../lib/diagnosis/upper-facts.ts';
import { codes, directory } from './facts.ts';

const lower = directory('/l', 'lower', { stat: { inode: 7n }, born: 50n });
const upper = directory('/u', 'upper', { stat: { inode: 8n }, born: 50n });
const after = (changes: Partial<Remembered>) => ({
  lower: [lower],
  upper,
  upperFacts: {
    ...NO_UPPER,
    remembered: { compared: true, lower: { inode: 7n }, upper: { inode: 8n }, indexBorn: 60n, ...changes },
  },
});

test.each([
  ['the same directories', {}, []],
  ['another lower', { lower: { inode: 1n } }, ['OTHER_LOWER upper']],
  ['another upper', { upper: { inode: 1n } }, ['OTHER_UPPER work']],
  ['an inode used again', { indexBorn: 40n }, ['OTHER_LOWER upper', 'OTHER_UPPER work']],
  ['times that are not known', { indexBorn: 0n }, []],
  ['handles that cannot be read', { lower: { inode: undefined }, upper: { inode: undefined } }, []],
  ['nothing remembered', { lower: undefined, upper: undefined }, []],
  ['no index', { compared: false, lower: { inode: 1n } }, []],
])('%s', (_, changes, expected) => {
  expect(codes(MEMORY_RULES, after(changes))).toEqual(expected);
});

test('a handle of FUSE or erofs holds no inode to compare', () => {
  for (const type of [0x65735546, 0xe0f5e1e2]) {
    const looked = directory('/l', 'lower', { filesystem: { ...lower.filesystem, type }, born: 50n });
    expect(codes(MEMORY_RULES, { ...after({ lower: { inode: 1n } }), lower: [looked] })).toEqual([]);
  }
});
