import { expect, test } from 'vitest';
import { LIMIT_RULES } from '../../lib/diagnosis/limit-rules.ts';
import { type Changes, codes } from './facts.ts';

const few = { descriptors: { open: 40, limit: 64, none: false } };
const long = Array.from({ length: 20 }, (_, index) => ({
  option: 'lower',
  index,
  absolute: `/${'n'.repeat(255)}`,
}));
const short = (layer: object, index: number) => ({ ...layer, option: 'lower', absolute: `/${index}` });
const many = Array.from({ length: 60 }, (_, index) => ({
  option: 'lower',
  index,
  absolute: `/${'n'.repeat(80)}`,
}));

test.each<[string, Changes, string[]]>([
  ['enough of everything', {}, []],
  [
    'no descriptor',
    { descriptors: { open: undefined, limit: undefined, none: true } },
    ['TOO_MANY_OPEN_FILES'],
  ],
  ['few descriptors', { descriptors: { open: 60, limit: 64, none: false } }, ['TOO_MANY_OPEN_FILES']],
  ['lowers by descriptor', { ...few, asked: { lower: long } }, ['TOO_MANY_OPEN_FILES']],
  ['lowers by name', { ...few, asked: { lower: long.map(short) } }, []],
  ['lowers as numbers', { ...few, asked: { lower: many, via: 'mount' } }, ['TOO_MANY_OPEN_FILES']],
  ['unknown descriptors', { descriptors: { open: undefined, limit: 64, none: false } }, []],
  ['no mount left', { mountLimit: 1 }, ['TOO_MANY_MOUNTS target']],
  ['no mount left, detached', { mountLimit: 1, target: undefined }, []],
  ['an unknown limit', { mountLimit: undefined }, []],
])('%s', (_, changes, expected) => {
  expect(codes(LIMIT_RULES, changes)).toEqual(expected);
});
