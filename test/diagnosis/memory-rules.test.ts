import { expect, test } from 'vitest';
import { type IndexContent, NO_INDEX } from '../../lib/diagnosis/index-content.ts';
import { MEMORY_RULES } from '../../lib/diagnosis/memory-rules.ts';
import { NO_UPPER, type Remembered } from '../../lib/diagnosis/upper-facts.ts';
import { STATX_ATTR_IMMUTABLE } from '../../lib/kernel/constants.ts';
import { type Changes, codes, directory } from './facts.ts';

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

const fixed = directory('/u', 'upper', { stat: { attributes: BigInt(STATX_ATTR_IMMUTABLE) } });
const index = (changes: Partial<IndexContent>) => ({ index: { ...NO_INDEX, ...changes } });

test.each<[string, Changes, string[]]>([
  ['a file', index({ noDirectory: true }), ['INDEX_UNFIT work']],
  ['a foreign entry', index({ foreign: 'mine' }), ['INDEX_UNFIT work']],
  ['a fixed index', index({ fixed: true }), ['INDEX_UNFIT work']],
  ['a fixed upper', { ...after({ lower: undefined }), upper: fixed }, ['INDEX_UNFIT upper']],
  ['a fixed upper that has its note', { ...after({ upper: undefined, indexBorn: 0n }), upper: fixed }, []],
  ['a fixed upper, no index', { upper: fixed }, []],
])('where the index is to be: %s', (_, changes, expected) => {
  expect(codes(MEMORY_RULES, changes).filter((code) => code.startsWith('INDEX'))).toEqual(expected);
});
