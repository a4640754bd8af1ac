// The filters of lists, in containerd's words.
import { expect, test } from 'vitest';
import { FilterProblem, parseFilter, parseFilters } from '../../../lib/format/store/filter.ts';

const snapshot = {
  name: 'default/1/a',
  kind: 'active' as const,
  parent: 'base',
  labels: {
    app: 'web',
    'containerd.io/gc.root': 'x y',
    quoted: 'a"b,c',
    empty: '',
    1: 'one',
    bar: 'a|b"c',
    unicode: 'é😀\t',
  },
};

test.each([
  ['', true],
  ['name==default/1/a', true],
  ['name==other', false],
  ['name!=other', true],
  ['kind==active,parent==base', true],
  ['kind==active,parent==other', false],
  ['parent!=""', true],
  ['labels.app', true],
  ['labels.gone', false],
  ['labels.gone!=x', true],
  ['labels."containerd.io/gc.root"=="x y"', true],
  ['labels.quoted=="a\\"b,c"', true],
  ['name~="^default/[0-9]+/"', true],
  ['name~=/^default.[0-9]/', true],
  ['name~=|b$|', false],
  ['name~=|^x\\|^default|', true],
  // As containerd has it: what is not there is the empty text, but is not equal to it.
  ['labels.gone!=""', false],
  ['labels.gone==""', false],
  ['labels.gone~=/^$/', true],
  ['labels.empty', true],
  ['labels.1==one', true],
  [' kind == active , name != other ', true],
  ['labels.bar==a|b"c', true],
  ['labels.quoted=="a\\x22b\\054c"', true],
  ['labels.unicode=="\\u00e9\\U0001f600\\t"', true],
])('%s is %s', (text, expected) => {
  expect(parseFilter(text)(snapshot)).toBe(expected);
});
test('a root has the empty parent', () => {
  const root = { ...snapshot, parent: undefined };
  expect([
    parseFilter('parent==""')(root),
    parseFilter('parent!=""')(root),
    parseFilter('parent')(root),
  ]).toEqual([true, false, true]);
});
test('one of several is enough, and none means all', () => {
  expect(parseFilters(['name==x', 'kind==active'])(snapshot)).toBe(true);
  expect(parseFilters(['name==x', 'kind==view'])(snapshot)).toBe(false);
  expect(parseFilters([])(snapshot)).toBe(true);
});
test.each([
  '=x',
  'name=',
  'name==',
  'name==a,',
  'name==a b',
  'size==3',
  'name~=[',
  'labels.',
  'name=="a',
  'name=="\\q"',
  'name=="\\U7fffffff"',
])('%s cannot be read', (text) => {
  expect(() => parseFilter(text)).toThrow(FilterProblem);
});
