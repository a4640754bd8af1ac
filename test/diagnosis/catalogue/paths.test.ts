// Rows A and B of the catalogue: paths that lead to no directory, and specs that say too little.
import { symlinkSync } from 'node:fs';
import { type Condition, holds } from './condition.ts';

type Part = 'lower' | 'upper' | 'work' | 'target';

/** The spec with one part replaced by a path, and what is to be said of it. */
function wrong(id: string, name: string, part: Part, code: string, make: Make): Condition {
  return {
    id,
    name: `${part}: ${name}`,
    build: (layers, scratch) => {
      const path = make(
        (...names) => scratch.join(...names),
        (file) => scratch.file(file),
      );
      const spec = { ...layers, [part]: part === 'lower' ? [layers.lower[0]!, path] : path };
      const early = EARLY.includes(code) ? { early: true as const } : {};
      return [spec, { code, option: part, path, ...(part === 'lower' && { index: 1 }), ...early }];
    },
  };
}

type Make = (join: (...names: string[]) => string, file: (name: string) => string) => string;
const EARLY = ['ERR_OVERLAY_TILDE'];
const parts = ['lower', 'upper', 'work', 'target'] as const;

const directories = parts.flatMap((part): Condition[] => [
  wrong('A01', 'does not exist', part, 'ERR_OVERLAY_NOT_FOUND', (join) => join('nope')),
  wrong('A01-way', 'a directory on the way does not exist', part, 'ERR_OVERLAY_NOT_FOUND', (join) =>
    join('nope', 'a', 'b'),
  ),
  wrong('A06', 'unexpanded ~', part, 'ERR_OVERLAY_TILDE', () => '~/somewhere'),
  wrong('A08', 'unexpanded $HOME', part, 'ERR_OVERLAY_NOT_FOUND', () => '$HOME/somewhere'),
  wrong('A17', 'a dangling symlink', part, 'ERR_OVERLAY_DANGLING_SYMLINK', (join) => {
    symlinkSync('nowhere', join('dangling'));
    return join('dangling');
  }),
  wrong('A18', 'a symlink loop', part, 'ERR_OVERLAY_SYMLINK_LOOP', (join) => {
    symlinkSync('loop', join('loop'));
    return join('loop');
  }),
  wrong('A19', 'a file on the way', part, 'ERR_OVERLAY_NOT_DIRECTORY', (join, file) => {
    file('file');
    return join('file', 'x');
  }),
  wrong('A20', 'a name of 256 bytes', part, 'ERR_OVERLAY_NAME_TOO_LONG', (join) => join('n'.repeat(256))),
  wrong('A22', 'relative, from the wrong directory', part, 'ERR_OVERLAY_NOT_FOUND', () => 'not/here'),
  wrong('B01', 'a regular file', part, 'ERR_OVERLAY_NOT_DIRECTORY', (_, file) => file('plain')),
]);

holds('directories', directories);

holds('several lowers', [
  {
    id: 'A02',
    name: 'the second of three does not exist',
    build: ({ lower, target }, scratch) => {
      const path = scratch.join('gone');
      return [
        { lower: [lower[0]!, path, lower[1]!], target },
        { code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower', index: 1, path },
      ];
    },
  },
  {
    id: 'A01-last',
    name: 'the last of 25 is a file, the path has odd characters',
    build: ({ lower, target }, scratch) => {
      const many = Array.from({ length: 24 }, (_, i) => scratch.directory(`many:${i},\\`));
      const path = scratch.file('odd: ,\\name');
      return [
        { lower: [...many, path, lower[0]!], target },
        { code: 'ERR_OVERLAY_NOT_DIRECTORY', option: 'lower', index: 24 },
      ];
    },
  },
  {
    id: 'D02',
    name: 'more option text than mount(2) takes, the last path wrong',
    build: ({ target }, scratch) => {
      const many = Array.from({ length: 120 }, (_, i) => scratch.directory(`${'long'.repeat(10)}-${i}`));
      const path = scratch.join('cut');
      return [
        { lower: [...many, path], target },
        { code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower', index: 120, path },
      ];
    },
  },
  {
    id: 'D06',
    name: '501 lowers',
    build: ({ lower, target }) => [
      { lower: Array<string>(501).fill(lower[0]!), target },
      { code: 'ERR_OVERLAY_TOO_MANY_LAYERS', option: 'lower', early: true },
    ],
  },
]);

holds('too little said', [
  {
    id: 'A09',
    name: 'an empty lower',
    build: ({ target }) => [
      { lower: '', target },
      { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'lower', index: 0, early: true },
    ],
  },
  {
    id: 'A10',
    name: 'an empty upper',
    build: (layers) => [
      { ...layers, upper: '' },
      { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'upper', early: true },
    ],
  },
  {
    id: 'A11',
    name: 'an empty work',
    build: (layers) => [
      { ...layers, work: '' },
      { code: 'ERR_OVERLAY_EMPTY_PATH', option: 'work', early: true },
    ],
  },
  {
    id: 'A12',
    name: 'no lower',
    build: ({ target }) => [
      { lower: [], target },
      { code: 'ERR_OVERLAY_NO_LOWER', option: 'lower', early: true },
    ],
  },
  {
    id: 'A14',
    name: 'work without upper',
    build: ({ lower, work, target }) => [
      { lower, work, target },
      { code: 'ERR_OVERLAY_WORK_WITHOUT_UPPER', option: 'work', early: true },
    ],
  },
]);
