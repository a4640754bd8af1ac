// changes() is right when it turns the view of the lowers into that of the mount, after whatever was done in it.
import {
  chmodSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec, OverlayOptions } from '../../lib/format/mount-spec.ts';
import type { Change } from '../../lib/layer/change.ts';
import type { ChangeOptions } from '../../lib/layer/changes.ts';
import { openStack } from '../../lib/layer/stack.ts';
import { mount } from '../../lib/mount/mount.ts';
import { clockGoesOn } from '../support/filesystem-clock.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';
import { problemsOf } from './apply-changes.ts';
import { mountedView, stackView, type View } from './merged-view.ts';
import { operate, randomFrom } from './random-operations.ts';

async function changesOf(spec: MountSpec, options?: ChangeOptions): Promise<Change[]> {
  await using stack = await openStack(spec);
  const changes: Change[] = [];
  for await (const change of stack.changes(options)) changes.push(change);
  return changes;
}

async function viewOf(spec: MountSpec): Promise<View> {
  await using stack = await openStack(spec);
  return await stackView(stack);
}

/** `modified dir/x file: content,mtime`, sorted. */
function lines(changes: readonly Change[]): string[] {
  return changes
    .map(({ kind, path, type, from, what, linkTo }) => {
      const renamed = from === undefined ? '' : ` from ${from}`;
      const linked = linkTo === undefined ? '' : ` = ${linkTo}`;
      return `${kind} ${path} ${type}${renamed}${linked}${what.length > 0 ? `: ${what.join()}` : ''}`;
    })
    .sort();
}

/** A mounted overlay of one lower, what is done in it, and its changes; times of directories left out. */
async function changesAfter(
  tree: Record<string, string>,
  options: OverlayOptions,
  use: (root: string) => void,
  how?: ChangeOptions,
): Promise<string[]> {
  const scratch = scratchDirectory();
  for (const [name, content] of Object.entries(tree)) scratch.file(`lower/${name}`, content);
  const spec = {
    lower: scratch.directory('lower'),
    upper: scratch.directory('upper'),
    work: scratch.directory('work'),
  };
  {
    await using overlay = await mount({ ...spec, options });
    // All may have been made within one tick: what is changed is to have another time.
    await clockGoesOn();
    use(overlay.path);
  }
  const changes = await changesOf({ ...spec, options }, how);
  return lines(changes).filter((line) => !line.endsWith('directory: mtime'));
}

describe('after a few operations', () => {
  privileged('the marks of an overlay over this one are attributes like any other', async () => {
    const use = (root: string) => {
      setXattr(`${root}/opaque`, 'trusted.overlay.opaque', 'y');
      setXattr(`${root}/moved`, 'user.overlay.redirect', 'from');
    };
    expect(await changesAfter({ 'opaque/f': '', moved: '', same: '' }, {}, use)).toEqual([
      'modified moved file: xattr',
      'modified opaque directory: xattr',
    ]);
  });

  privileged('files come, go and change', async () => {
    const tree = {
      'keep/x': '1',
      'dir/gone': '2',
      'dir/edited': '3',
      'dir/mode': '4',
      'whole/a': '5',
      touched: '6',
    };
    const use = (root: string) => {
      writeFileSync(`${root}/dir/new`, 'n');
      rmSync(`${root}/dir/gone`);
      writeFileSync(`${root}/dir/edited`, 'longer');
      chmodSync(`${root}/dir/mode`, 0o600);
      rmSync(`${root}/whole`, { recursive: true });
      symlinkSync('x', `${root}/link`);
      closeSync(openSync(`${root}/touched`, 'r+'));
    };
    const expected = [
      'added dir/new file',
      'added link symlink',
      'deleted dir/gone file',
      'deleted whole directory',
      'modified dir/edited file: content,mtime',
      'modified dir/mode file: mode',
    ];
    expect(await changesAfter(tree, {}, use, { ignoreUnchanged: true })).toEqual(expected);
    expect(await changesAfter(tree, {}, use)).toEqual([...expected, 'modified touched file']);
  });

  privileged('a directory is made anew over another', async () => {
    const use = (root: string) => {
      rmSync(`${root}/dir`, { recursive: true });
      mkdirSync(`${root}/dir`);
      writeFileSync(`${root}/dir/b`, 'new');
      rmSync(`${root}/file`);
      mkdirSync(`${root}/file`);
      writeFileSync(`${root}/file/in`, '');
      rmSync(`${root}/tree`, { recursive: true });
      writeFileSync(`${root}/tree`, '');
    };
    const tree = { 'dir/a/deep': '', 'dir/b': 'old1', 'dir/c': '', file: '', 'tree/x/y': '' };
    expect(await changesAfter(tree, {}, use)).toEqual([
      'added file/in file',
      'deleted dir/a directory',
      'deleted dir/c file',
      'modified dir/b file: content,mtime',
      'modified file directory: type',
      'modified tree file: type',
    ]);
  });

  privileged('a renamed directory is told as that, with what differs in it', async () => {
    const use = (root: string) => {
      mkdirSync(`${root}/other`);
      renameSync(`${root}/dir`, `${root}/other/moved`);
      writeFileSync(`${root}/other/moved/edited`, 'longer');
      rmSync(`${root}/other/moved/gone`);
      renameSync(`${root}/other/moved/sub`, `${root}/other/moved/bus`);
      renameSync(`${root}/file`, `${root}/elif`);
    };
    const tree = { 'dir/edited': '1', 'dir/gone': '2', 'dir/kept': '3', 'dir/sub/x': '4', file: '5' };
    const options = { redirectDir: 'on', metacopy: true } as const;
    expect(await changesAfter(tree, options, use)).toEqual([
      'added elif file from file',
      'added other directory',
      'added other/moved directory from dir: mtime',
      'added other/moved/bus directory from dir/sub',
      'deleted dir directory',
      'deleted file file',
      'deleted other/moved/gone file',
      'deleted other/moved/sub directory',
      'modified other/moved/edited file: content,mtime',
    ]);
  });

  privileged('further names of a file are told as links to the first', async () => {
    const use = (root: string) => {
      writeFileSync(`${root}/one`, '1');
      linkSync(`${root}/one`, `${root}/two`);
    };
    const changes = await changesAfter({ x: '' }, {}, use);
    expect(changes).toHaveLength(2);
    expect(changes.filter((line) => / = (?:one|two)$/.test(line))).toHaveLength(1);
  });
});

test('a stack without an upper, and an empty upper, change nothing', async () => {
  const scratch = scratchDirectory();
  scratch.file('l/dir/x');
  expect(await changesOf({ lower: scratch.join('l') })).toEqual([]);
});

const MODES: Record<string, OverlayOptions> = {
  plain: {},
  'redirect_dir=on': { redirectDir: 'on' },
  'metacopy=on': { redirectDir: 'on', metacopy: true },
  userxattr: { userxattr: true },
};

describe.each(Object.entries(MODES))('after random operations, %s', (_, options) => {
  privileged(
    'the stack shows what the mount does, and its changes turn one view into the other',
    async () => {
      for (let seed = 1; seed <= 8; seed++) {
        using scratch = scratchDirectory();
        const random = randomFrom(seed);
        const lower = ['l0', 'l1'].map((name) => scratch.directory(name));
        // The lowers are made as overlays make them: each is the upper of the one below.
        const first = { lower: lower[1]!, upper: lower[0]!, work: scratch.directory('w0') };
        operate(lower[1]!, random, 60);
        {
          await using overlay = await mount({ ...first, options });
          operate(overlay.path, random, 40);
        }
        const spec = { lower, upper: scratch.directory('u'), work: scratch.directory('w'), options };
        let mounted: View;
        {
          await using overlay = await mount(spec);
          operate(overlay.path, random, 60);
        }
        {
          await using overlay = await mount(spec);
          mounted = mountedView(overlay.path);
        }
        expect(await viewOf(spec), `seed ${seed}`).toEqual(mounted);
        const before = await viewOf({ lower, options });
        const changes = await changesOf(spec, { ignoreUnchanged: true });
        expect(problemsOf(before, mounted, changes), `seed ${seed}`).toEqual([]);
      }
    },
  );
});
