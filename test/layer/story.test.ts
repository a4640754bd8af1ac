// lookup() tells which layer gives an entry, what the others have there, and why that is not seen.
import { expect, test } from 'vitest';
import type { LayerLook } from '../../lib/layer/lookup.ts';
import { openStack } from '../../lib/layer/stack.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';
import { whiteoutAt } from './merged-view.ts';

/** `upper shown`, `lower 1 hidden by whiteout of upper "a"`. */
function line({ layer, place, role, type, hiddenBy }: LayerLook): string {
  const by =
    hiddenBy && ` by ${hiddenBy.why} of ${hiddenBy.layer.kind} ${hiddenBy.layer.index} ${hiddenBy.place}`;
  return `${layer.kind} ${layer.index} ${place} ${role} ${type ?? '-'}${by ?? ''}`;
}

test('a file covers what lies below', async () => {
  const scratch = scratchDirectory();
  scratch.file('u/dir/x', '1');
  scratch.file('l0/dir/other');
  scratch.file('l1/dir/x', '2');
  const lower = [scratch.join('l0'), scratch.join('l1')];
  await using stack = await openStack({ lower, upper: scratch.join('u') });
  const { entry, layers, path } = await stack.lookup('/dir/./sub/../x');
  expect(path).toBe('dir/x');
  expect(entry).toMatchObject({ type: 'file', size: 1, layer: { kind: 'upper', index: 0 } });
  expect(layers.map(line)).toEqual([
    'upper 0 dir/x shown file',
    'lower 0 dir/x absent -',
    'lower 1 dir/x hidden file by covered of upper 0 dir/x',
  ]);
  const dir = await stack.lookup('dir');
  expect(dir.layers.map(line)).toEqual([
    'upper 0 dir shown directory',
    'lower 0 dir merged directory',
    'lower 1 dir merged directory',
  ]);
  expect((await stack.lookup('.')).layers.map(({ role }) => role)).toEqual(['shown', 'merged', 'merged']);
  const nothing = await stack.lookup('dir/none/at/all');
  expect(nothing.entry).toBeUndefined();
  expect(nothing.layers.map(({ role }) => role)).toEqual(['absent', 'absent', 'absent']);
});

test('below a file there is nothing, and the reason is told', async () => {
  const scratch = scratchDirectory();
  scratch.file('u/a', '');
  scratch.file('l0/a/b', '');
  await using stack = await openStack({ lower: scratch.join('l0'), upper: scratch.join('u') });
  const { entry, layers } = await stack.lookup('a/b');
  expect(entry).toBeUndefined();
  expect(layers.map(line)).toEqual([
    'upper 0 a/b absent -',
    'lower 0 a/b hidden file by covered of upper 0 a',
  ]);
});

privileged('whiteouts and opaque directories, of the path and on the way', async () => {
  const scratch = scratchDirectory();
  scratch.directory('u');
  scratch.file('l0/opaque/y');
  scratch.file('l1/gone/in', '');
  scratch.file('l1/opaque/x');
  whiteoutAt(scratch.join('u/gone'));
  setXattr(scratch.join('l0/opaque'), 'trusted.overlay.opaque', 'y');
  const lower = [scratch.join('l0'), scratch.join('l1')];
  await using stack = await openStack({ lower, upper: scratch.join('u') });
  const told = async (path: string) => (await stack.lookup(path)).layers.map(line);
  expect(await told('gone')).toEqual([
    'upper 0 gone deletes character',
    'lower 0 gone absent -',
    'lower 1 gone hidden directory by whiteout of upper 0 gone',
  ]);
  expect(await told('gone/in')).toEqual([
    'upper 0 gone/in absent -',
    'lower 0 gone/in absent -',
    'lower 1 gone/in hidden file by whiteout of upper 0 gone',
  ]);
  expect(await told('opaque/x')).toEqual([
    'upper 0 opaque/x absent -',
    'lower 0 opaque/x absent -',
    'lower 1 opaque/x hidden file by opaque of lower 0 opaque',
  ]);
});

privileged('redirects and metacopies: where the content is, and what the old name hides', async () => {
  const scratch = scratchDirectory();
  scratch.directory('u/new');
  scratch.file('u/meta', '');
  scratch.file('l0/new', 'hidden by the redirect');
  scratch.file('l0/old/x', '1');
  scratch.file('l0/content', '123');
  scratch.file('d/object', '456');
  scratch.file('u/from-data', '');
  scratch.file('l0/from-data', '');
  for (const name of ['u/meta', 'u/from-data', 'l0/from-data'])
    setXattr(scratch.join(name), 'trusted.overlay.metacopy', '');
  setXattr(scratch.join('l0/from-data'), 'trusted.overlay.redirect', '/object');
  setXattr(scratch.join('u/new'), 'trusted.overlay.redirect', 'old');
  setXattr(scratch.join('u/meta'), 'trusted.overlay.redirect', '/content');
  await using stack = await openStack({
    lower: [scratch.join('l0')],
    data: [scratch.join('d')],
    upper: scratch.join('u'),
  });
  const told = async (path: string) => (await stack.lookup(path)).layers.map(line);
  expect(await told('new')).toEqual([
    'upper 0 new shown directory',
    'lower 0 old merged directory',
    'lower 0 new hidden file by redirect of upper 0 new',
  ]);
  expect(await told('new/x')).toEqual(['upper 0 new/x absent -', 'lower 0 old/x shown file']);
  expect(await told('meta')).toEqual(['upper 0 meta shown file', 'lower 0 content content file']);
  expect((await stack.lookup('meta')).entry).toMatchObject({
    content: { layer: { kind: 'lower', index: 0 }, place: 'content' },
    redirect: '/content',
  });
  expect(await told('from-data')).toEqual([
    'upper 0 from-data shown file',
    'lower 0 from-data passed file',
    'data 0 object content file',
  ]);
});
