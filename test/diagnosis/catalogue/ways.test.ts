// Ways to a directory that the catalogue does not list: chains of links, links that are barred, slips of the hand.
import { closeSync, lchownSync, mkdirSync, openSync, readFileSync, symlinkSync } from 'node:fs';
import { expect } from 'vitest';
import type { PathLike } from '../../../lib/format/mount-spec.ts';
import { explainSync } from '../../../lib/mount/explain.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import { privileged } from '../../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../../support/scratch.ts';
import { type Condition, holds } from './condition.ts';

type Make = (scratch: Scratch) => string;

function lower(id: string, name: string, code: string, make: Make): Condition {
  return {
    id,
    name,
    build: (layers, scratch) => {
      const path = make(scratch);
      const spec = { ...layers, lower: [layers.lower[0]!, path] };
      return [spec, { code: `ERR_OVERLAY_${code}`, option: 'lower', index: 1, path }];
    },
  };
}

const linked = (scratch: Scratch, ...links: [name: string, target: string][]) => {
  for (const [name, target] of links) symlinkSync(target, scratch.join(name));
  return scratch.join(links.at(-1)![0]);
};

function nosymfollow(scratch: Scratch): string {
  const path = scratch.directory('nosym');
  run('mount', '-t', 'tmpfs', '-o', 'nosymfollow', 'test', path);
  mkdirSync(`${path}/real`);
  symlinkSync('real', `${path}/link`);
  return `${path}/link`;
}

function ofSomebodyElse(scratch: Scratch): string {
  const open = scratch.directory('open');
  run('chmod', '1777', open);
  symlinkSync(scratch.directory('real'), `${open}/link`);
  lchownSync(`${open}/link`, 65534, 65534);
  return `${open}/link`;
}

holds('links', [
  lower('A17-chain', 'a link to a dangling link', 'DANGLING_SYMLINK', (scratch) =>
    linked(scratch, ['one', 'nowhere'], ['two', 'one']),
  ),
  lower('A17-way', 'a dangling link on the way', 'DANGLING_SYMLINK', (scratch) =>
    scratch.join(linked(scratch, ['one', 'nowhere']) && 'one/x'),
  ),
  lower('A18-way', 'a circle of two links on the way', 'SYMLINK_LOOP', (scratch) =>
    scratch.join(linked(scratch, ['a', 'b'], ['b', 'a']) && 'a/x'),
  ),
  lower('A18-many', 'more than 40 links, and no circle', 'SYMLINK_LOOP', (scratch) => {
    scratch.directory('c0');
    const links = Array.from({ length: 41 }, (_, i): [string, string] => [`c${i + 1}`, `c${i}`]);
    return linked(scratch, ...links);
  }),
  lower('A18-nosymfollow', 'a link on a mount with nosymfollow', 'NOSYMFOLLOW', nosymfollow),
  lower('A19-link', 'a link to a file', 'NOT_DIRECTORY', (scratch) => {
    scratch.file('file');
    return linked(scratch, ['link', 'file']);
  }),
  lower('A19-slash', 'a file and a slash', 'NOT_DIRECTORY', (scratch) => `${scratch.file('file')}/`),
  lower(
    'A20-path',
    'a path of more than 4,095 bytes',
    'NAME_TOO_LONG',
    (scratch) => `${scratch.path}${'/.'.repeat(2100)}/nope`,
  ),
]);

/** The number of a descriptor that is closed: the next that is opened, here or by the mount itself, has it again. */
function closed(): { fd: number } {
  const fd = openSync('/', 'r');
  closeSync(fd);
  return { fd };
}

holds(
  'descriptors that are closed',
  (['lower', 'upper', 'work'] as const).map(
    (option): Condition => ({
      id: 'B01-closed',
      name: `${option}: a closed descriptor`,
      spoils: true,
      build: (layers) => [
        { ...layers, [option]: option === 'lower' ? [layers.lower[0]!, closed()] : closed() },
        { code: 'ERR_OVERLAY_INVALID_DESCRIPTOR', option, ...(option === 'lower' && { index: 1 }) },
      ],
    }),
  ),
);

/** The part that is wrong, and what is to be said of it. */
const SAYINGS: readonly [name: string, code: string, make: (scratch: Scratch) => PathLike, says: RegExp][] = [
  [
    'a chain of links names the missing end',
    'DANGLING_SYMLINK',
    (scratch) => linked(scratch, ['one', 'nowhere'], ['two', 'one']),
    /two" is a symbolic link to "nowhere" \(by way of ".*\/one"\), and ".*\/nowhere" does not exist/,
  ],
  [
    'a way through a link is told in the words of the user',
    'NOT_FOUND',
    (scratch) => scratch.join(linked(scratch, ['link', scratch.directory('real')]) && 'link/gone/x'),
    /does not exist: there is no ".*\/link\/gone"/,
  ],
  [
    'more than 40 links are no circle',
    'SYMLINK_LOOP',
    (scratch) => {
      scratch.directory('c0');
      return linked(
        scratch,
        ...Array.from({ length: 41 }, (_, i): [string, string] => [`c${i + 1}`, `c${i}`]),
      );
    },
    /more than 40 symbolic links/,
  ],
  [
    'a circle says where it closes',
    'SYMLINK_LOOP',
    (scratch) => linked(scratch, ['a', 'b'], ['b', 'a']),
    /circle, back to ".*\/b"/,
  ],
  [
    'another case',
    'NOT_FOUND',
    (scratch) => scratch.join(scratch.directory('Name') && 'name'),
    /did you mean ".*\/Name"/,
  ],
  ['a blank', 'NOT_FOUND', (scratch) => `${scratch.directory('name')} `, /white space.*\/name" exists/],
  [
    'two paths in one',
    'NOT_FOUND',
    (scratch) => `${scratch.directory('a')}:${scratch.directory('b')}`,
    /an array/,
  ],
  ['a pattern', 'NOT_FOUND', (scratch) => scratch.join('l*'), /a pattern/],
  ['a home', 'NOT_FOUND', () => '~root/x', /~root was not expanded/],
  ['quotes', 'NOT_FOUND', (scratch) => `"${scratch.path}"`, /quotation marks/],
  ['a URL as text', 'NOT_FOUND', (scratch) => `file://${scratch.path}`, /new URL/],
  ['a URL', 'NOT_FOUND', (scratch) => new URL(`file://${scratch.path}/no`), /create the directory/],
  ['lost bytes', 'NOT_FOUND', (scratch) => scratch.join('caf\ufffd'), /as a Buffer/],
  [
    'a long name',
    'NAME_TOO_LONG',
    (scratch) => scratch.join('n'.repeat(300), 'x'),
    /has 300 bytes.*shorter name/,
  ],
  [
    'a long path',
    'NAME_TOO_LONG',
    (scratch) => `${scratch.path}${'/.'.repeat(2100)}`,
    /\d{4} bytes.*pass \{ fd \}/,
  ],
];

for (const [name, code, make, says] of SAYINGS) {
  privileged(`what is said: ${name}`, () => {
    const scratch = scratchDirectory();
    const layers = scratch.layers({ lower: 2 });
    const spec = { ...layers, lower: [layers.lower[0]!, make(scratch)] };
    const [found] = explainSync(spec);
    expect(found).toMatchObject({ code: `ERR_OVERLAY_${code}`, option: 'lower', index: 1 });
    expect(`${found!.sentence} ${found!.hint}`).toMatch(says);
    let thrown: unknown;
    try {
      mountSync(spec);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toMatchObject({ code: found!.code, message: found!.sentence, hint: found!.hint });
  });
}

privileged('a link of somebody else in a sticky directory is followed where the kernel is told so', () => {
  const scratch = scratchDirectory();
  const layers = scratch.layers({ lower: 2 });
  const spec = { ...layers, lower: [layers.lower[0]!, ofSomebodyElse(scratch)] };
  const found = explainSync(spec).map(({ code, sentence }) => [
    code,
    sentence.includes('protected_symlinks'),
  ]);
  const isProtected = readFileSync('/proc/sys/fs/protected_symlinks', 'utf8').trim() === '1';
  expect(found).toEqual(isProtected ? [['ERR_OVERLAY_NO_ACCESS', true]] : []);
});
