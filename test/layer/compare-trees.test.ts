// The double walk: every difference of two trees once, in what it is one, and nothing else; whatever the trees hold.
import {
  chmodSync,
  chownSync,
  closeSync,
  cpSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Change } from '../../lib/layer/change.ts';
import { type CompareOptions, compareTrees } from '../../lib/layer/compare-trees.ts';
import { run } from '../support/command.ts';
import fc from '../support/fast-check.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { removeXattr, setXattr } from '../support/xattr.ts';

/** `kind path type [what]`, sorted. */
function text({ kind, path, type, what, error, linkTo }: Change): string {
  const name = typeof path === 'string' ? path : path.toString('latin1');
  const more = [what.join('+'), error?.code, linkTo && `= ${linkTo}`].filter(Boolean);
  return [kind, name, type, ...more].join(' ');
}

async function changes(scratch: Scratch, options?: CompareOptions) {
  const before = openDescriptors();
  const found = compareTrees(scratch.join('a'), scratch.join('b'), options);
  const texts: string[] = [];
  for await (const change of found) texts.push(text(change));
  expect(openDescriptors()).toEqual(before);
  return { texts: texts.sort(), complete: found.complete, findings: found.findings };
}

/** Tree `a` by `make`, and `b` as an exact copy of it. */
function twoTrees(make: (root: string) => void): Scratch {
  const scratch = scratchDirectory();
  make(scratch.directory('a'));
  cpSync(scratch.join('a'), scratch.join('b'), {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
  // cpSync keeps milliseconds, and not those of links and directories.
  run('cp', '-a', '--no-preserve=links', `${scratch.path}/a/.`, `${scratch.path}/b`);
  return scratch;
}

function sampleTree(root: string): void {
  for (const name of ['d/e', 'empty', 'full/x']) mkdirSync(`${root}/${name}`, { recursive: true });
  for (const name of ['f', 'd/f', 'd/e/f', 'full/x/f', 'full/y'])
    writeFileSync(`${root}/${name}`, `text of ${name}`);
  symlinkSync('f', `${root}/link`);
  symlinkSync('d', `${root}/dirlink`);
}

test('a further name of a file leads to one that was told before it, also when one was compared by content', async () => {
  const scratch = twoTrees((root) => {
    for (let i = 0; i < 20; i++) writeFileSync(`${root}/compared${i}`, 'text'.repeat(50_000));
  });
  for (let i = 0; i < 20; i++) {
    // The one has to be read, of the other it is known at once that it is new.
    writeFileSync(scratch.join(`b/compared${i}`), 'TEXT'.repeat(50_000));
    linkSync(scratch.join(`b/compared${i}`), scratch.join(`b/new${i}`));
  }
  const told = new Set<unknown>();
  let links = 0;
  for await (const { path, linkTo } of compareTrees(scratch.join('a'), scratch.join('b'))) {
    if (linkTo !== undefined) expect(told).toContain(linkTo);
    if (linkTo !== undefined) links++;
    told.add(path);
  }
  expect(links).toBe(20);
});

test('two equal trees have no differences', async () => {
  const scratch = twoTrees(sampleTree);
  expect(await changes(scratch)).toEqual({ texts: [], complete: true, findings: [] });
  expect(await changes(scratch, { trustMtime: true })).toMatchObject({ texts: [], complete: true });
});

test('each kind of difference, and what it is in', async () => {
  const scratch = twoTrees(sampleTree);
  const keepTimes = (name: string, action: (path: string) => void) => {
    const path = scratch.join('b', name);
    run('touch', '-h', '-r', path, scratch.join('times'));
    action(path);
    run('touch', '-h', '-r', scratch.join('times'), path);
  };
  scratch.file('times');
  for (const [name, action, expected] of [
    ['f', (path: string) => writeFileSync(path, 'TEXT of f'), 'modified f file content'],
    ['f', (path: string) => chmodSync(path, 0o4600), 'modified f file mode'],
    ['f', (path: string) => utimesSync(path, 5, 5), undefined],
    ['f', (path: string) => setXattr(path, 'user.x', 'y'), 'modified f file xattr'],
    ['f', (path: string) => setXattr(path, 'user.overlay.x', 'y'), undefined],
    ['d', (path: string) => chmodSync(path, 0o700), 'modified d directory mode'],
    ['d/e', (path: string) => setXattr(path, 'user.x', 'y'), 'modified d/e directory xattr'],
    ['link', (path: string) => run('ln', '-sfn', 'g', path), 'modified link symlink content'],
    ['full/y', (path: string) => run('truncate', '-s', '3', path), 'modified full/y file content'],
  ] as const) {
    const dirs = ['.', 'd', 'full'];
    keepTimes(name, action);
    for (const dir of dirs) run('touch', '-r', scratch.join('a', dir), scratch.join('b', dir));
    expect((await changes(scratch)).texts, `${name} ${expected}`).toEqual(
      expected === undefined ? [] : [expected],
    );
    run('cp', '-a', '-T', '--remove-destination', scratch.join('a', name), scratch.join('b', name));
    for (const note of ['user.x', 'user.overlay.x'])
      try {
        removeXattr(scratch.join('b', name), note);
      } catch {}
    for (const dir of dirs) run('touch', '-r', scratch.join('a', dir), scratch.join('b', dir));
  }
  lutimesSync(scratch.join('b/link'), 7, 7);
  expect((await changes(scratch)).texts).toEqual(['modified link symlink mtime']);
});

test('what comes, goes and changes its type', async () => {
  const scratch = twoTrees(sampleTree);
  const b = scratch.join('b');
  rmSync(`${b}/full`, { recursive: true });
  rmSync(`${b}/link`);
  mkdirSync(`${b}/link`);
  writeFileSync(`${b}/link/in`, '');
  rmSync(`${b}/d`, { recursive: true });
  writeFileSync(`${b}/d`, 'now a file');
  mkdirSync(`${b}/new/er`, { recursive: true });
  writeFileSync(`${b}/new/er/file`, '');
  linkSync(`${b}/new/er/file`, `${b}/new/er/second`);
  run('mkfifo', `${b}/new/fifo`);
  writeFileSync(Buffer.concat([Buffer.from(`${b}/new/`), Buffer.from([0xff, 0x0a])]), '');
  const { texts, complete } = await changes(scratch);
  expect(complete).toBe(true);
  const linked = texts.filter((line) => line.includes('new/er/'));
  expect(texts.filter((line) => !line.includes('new/er/'))).toEqual(
    [
      'added link/in file',
      'added new directory',
      'added new/er directory',
      'added new/fifo fifo',
      'added new/\xff\x0a file',
      'deleted full directory',
      'modified d file type',
      'modified link directory type',
    ].sort(),
  );
  expect(linked).toHaveLength(2);
  expect(linked.filter((line) => line.includes(' = new/er/'))).toHaveLength(1);
});

privileged('device numbers, owners, trusted attributes', async () => {
  const scratch = twoTrees((root) => {
    sampleTree(root);
    run('mknod', `${root}/device`, 'c', '1', '3');
  });
  const times = () => run('touch', '-h', '-r', scratch.join('a/device'), scratch.join('b/device'));
  rmSync(scratch.join('b/device'));
  run('mknod', scratch.join('b/device'), 'c', '1', '5');
  times();
  chownSync(scratch.join('b/f'), 1, 2);
  setXattr(scratch.join('b/link'), 'trusted.note', 'text');
  run('touch', '-r', scratch.join('a'), scratch.join('b'));
  expect((await changes(scratch)).texts).toEqual([
    'modified device character content',
    'modified f file owner',
    'modified link symlink xattr',
  ]);
});

privileged('an overlay and its lower differ by what was done in the overlay', async () => {
  const scratch = scratchDirectory();
  sampleTree(scratch.directory('a'));
  for (const name of ['upper', 'work']) scratch.directory(name);
  const [lower, mount] = [scratch.join('a'), scratch.directory('b')];
  const options = `lowerdir=${lower},upperdir=${scratch.join('upper')},workdir=${scratch.join('work')},redirect_dir=on`;
  run('mount', '-t', 'overlay', 'test', '-o', options, mount);
  expect((await changes(scratch)).texts).toEqual([]);
  writeFileSync(`${mount}/d/e/f`, 'TEXT of d/e/f');
  rmSync(`${mount}/full/x`, { recursive: true });
  renameSync(`${mount}/empty`, `${mount}/d/moved`);
  chmodSync(`${mount}/f`, 0o600);
  expect((await changes(scratch)).texts).toEqual([
    'added d/moved directory',
    'deleted empty directory',
    'deleted full/x directory',
    'modified d directory mtime',
    'modified d/e/f file content+mtime',
    'modified f file mode',
    'modified full directory mtime',
  ]);
  run('umount', mount);
});

test('trustMtime takes files of one size and time for equal', async () => {
  const scratch = twoTrees(sampleTree);
  writeFileSync(scratch.join('b/f'), 'TEXT OF F'.slice(0, 9));
  run('touch', '-r', scratch.join('a/f'), scratch.join('b/f'));
  expect((await changes(scratch, { trustMtime: true })).texts).toEqual([]);
  expect((await changes(scratch)).texts).toEqual(['modified f file content']);
});

test('links are not followed, loops and all', async () => {
  const scratch = scratchDirectory();
  for (const name of ['a', 'b']) {
    scratch.directory(name);
    symlinkSync('loop', scratch.join(name, 'loop'));
    symlinkSync('..', scratch.join(name, 'up'));
    symlinkSync('/', scratch.join(name, 'root'));
    for (const link of ['loop', 'up', 'root']) lutimesSync(scratch.join(name, link), 1, 1);
  }
  scratch.directory('a/other');
  symlinkSync('../a/other', scratch.join('b/other'));
  scratch.file('a/other/file');
  expect((await changes(scratch)).texts).toEqual(['modified other symlink type']);
});

test('paths of more than 4,096 bytes, and many directories in each other', async () => {
  const scratch = scratchDirectory();
  const here = process.cwd();
  const deepest: string[] = [];
  try {
    for (const root of ['a', 'b']) {
      process.chdir(scratch.directory(root));
      for (let i = 0; i < 120; i++) {
        const name = `${i}-${'d'.repeat(60)}`;
        mkdirSync(name);
        process.chdir(name);
      }
      writeFileSync('file', root);
      utimesSync('file', 1, 1);
      deepest.push(root);
    }
  } finally {
    process.chdir(here);
  }
  const { texts, complete } = await changes(scratch);
  const files = texts.filter((line) => line.includes('/file'));
  expect(files).toHaveLength(1);
  expect(files[0]).toMatch(/^modified .{7000,}\/file file content$/);
  expect(complete).toBe(true);
});

privileged('mounts in a tree are told of, and looked into on request', async () => {
  const scratch = twoTrees(sampleTree);
  const { path } = tmpfsMount({ scratch });
  writeFileSync(`${path}/mounted`, '');
  run('mount', '--bind', path, scratch.join('b/empty'));
  const { texts, complete, findings } = await changes(scratch);
  expect(texts.filter((line) => line.includes('ERR_'))).toEqual([
    'modified empty directory ERR_OVERLAY_MOUNT_NOT_CROSSED',
  ]);
  expect(texts.join()).not.toContain('mounted');
  expect(complete).toBe(false);
  expect(findings[0]).toMatchObject({ path: scratch.join('b/empty') });
  const crossed = await changes(scratch, { crossMounts: true });
  expect(crossed.texts).toContain('added empty/mounted file');
  expect(crossed.complete).toBe(true);
  run('umount', scratch.join('b/empty'));
});

privileged(
  'a mount before is not looked into either, and what is there now is not taken for new',
  async () => {
    const scratch = twoTrees(sampleTree);
    const { path } = tmpfsMount({ scratch });
    run('mount', '--bind', path, scratch.join('a/full'));
    const { texts, complete } = await changes(scratch);
    expect(texts.filter((line) => line.includes('full/'))).toEqual([]);
    expect(texts.filter((line) => line.includes('ERR_'))).toHaveLength(1);
    expect(complete).toBe(false);
    run('umount', scratch.join('a/full'));
  },
);

test('what may not be read is told of, on either side, and the rest is compared', () => {
  const scratch = scratchDirectory();
  chmodSync(scratch.path, 0o777);
  const script = `
    import { chmodSync, mkdirSync, utimesSync, writeFileSync } from 'node:fs';
    import { compareTrees } from 'overlayfs/layer';
    const root = ${JSON.stringify(scratch.join('own'))};
    mkdirSync(root);
    for (const tree of ['a', 'b']) {
      for (const name of ['shut', 'open', 'after']) mkdirSync(root + '/' + tree + '/' + name, { recursive: true });
      for (const name of ['shut/x', 'open/secret', 'open/other', 'after/y']) {
        writeFileSync(root + '/' + tree + '/' + name, name === 'open/other' ? tree : '.');
        utimesSync(root + '/' + tree + '/' + name, 1, 1);
      }
      for (const name of ['shut', 'open', 'after']) utimesSync(root + '/' + tree + '/' + name, 1, 1);
    }
    const all = [];
    const look = async () => {
      const found = compareTrees(root + '/a', root + '/b');
      const changes = [];
      for await (const { kind, path, what, error } of found) changes.push([kind, path, what.join(), error?.code ?? ''].join(' '));
      all.push([changes.sort(), found.complete, found.findings.map(({ path }) => path.slice(root.length))]);
    };
    for (const tree of ['a', 'b']) chmodSync(root + '/' + tree + '/open/secret', 0);
    chmodSync(root + '/b/after', 0);
    await look();
    chmodSync(root + '/b/after', 0o755);
    chmodSync(root + '/a/shut', 0);
    await look();
    for (const dir of ['/a/shut']) chmodSync(root + dir, 0o755);
    console.log(JSON.stringify(all));`;
  const [first, second] = printedJson<[string[], boolean, string[]][]>(asNobody(script));
  expect(first).toEqual([
    [
      'modified after  ERR_OVERLAY_NO_ACCESS',
      'modified after mode ',
      'modified open/other content ',
      'modified open/secret  ERR_OVERLAY_NO_ACCESS',
    ],
    false,
    expect.arrayContaining(['/b/after', '/b/open/secret']),
  ]);
  expect(second).toEqual([
    [
      'modified open/other content ',
      'modified open/secret  ERR_OVERLAY_NO_ACCESS',
      'modified shut  ERR_OVERLAY_NO_ACCESS',
      'modified shut mode ',
    ],
    false,
    expect.arrayContaining(['/a/shut', '/b/open/secret']),
  ]);
});

describe('the caller', () => {
  test('hears of wrong arguments', async () => {
    const { path } = scratchDirectory();
    const all = async (...given: Parameters<typeof compareTrees>) => {
      for await (const _ of compareTrees(...given));
    };
    const code = (name: string) => expect.objectContaining({ name: 'OverlayError', code: name });
    await expect(all(path, `${path}/none`)).rejects.toEqual(code('ERR_OVERLAY_NOT_FOUND'));
    await expect(all(path, '/dev/null')).rejects.toEqual(code('ERR_OVERLAY_NOT_DIRECTORY'));
    await expect(all({ fd: -1 }, path)).rejects.toEqual(code('ERR_OVERLAY_INVALID_DESCRIPTOR'));
    await expect(all(path, path, { deep: true } as never)).rejects.toEqual(
      code('ERR_OVERLAY_UNKNOWN_OPTION'),
    );
    const fd = openSync(path, 'r');
    await all({ fd }, path);
    closeSync(fd);
  });

  test('stops when it likes, by leaving or by a signal, and is told of progress', async () => {
    const scratch = twoTrees((root) => {
      for (let i = 0; i < 50; i++) {
        mkdirSync(`${root}/${i}`);
        for (let j = 0; j < 20; j++) writeFileSync(`${root}/${i}/${j}`, 'text');
      }
    });
    rmSync(scratch.join('a'), { recursive: true });
    scratch.directory('a');
    const before = openDescriptors();
    for await (const change of compareTrees(scratch.join('a'), scratch.join('b'))) {
      expect(change.kind).toBe('added');
      break;
    }
    expect(openDescriptors()).toEqual(before);
    const controller = new AbortController();
    let seen = 0;
    const aborted = (async () => {
      for await (const _ of compareTrees(scratch.join('a'), scratch.join('b'), { signal: controller.signal }))
        if (++seen === 60) controller.abort(new Error('enough'));
    })();
    await expect(aborted).rejects.toThrow('enough');
    expect(seen).toBeLessThan(1050);
    expect(openDescriptors()).toEqual(before);
    const reports: number[] = [];
    await changes(scratch, { onProgress: ({ entries }) => reports.push(entries) });
    expect(reports.at(-1)).toBe(1050);
    expect(reports).toEqual([...reports].sort((x, y) => x - y));
  });
});

describe('random trees', () => {
  // A plain model of what must be told, by node:fs alone.
  function model(a: string, b: string, prefix = ''): string[] {
    const names = new Set([...readdirSync(a), ...readdirSync(b)]);
    return [...names].flatMap((name) => {
      const [before, after] = [a, b].map((root) => lstatSync(`${root}/${name}`, { throwIfNoEntry: false }));
      const path = `${prefix}${name}`;
      const kind = (stat: { isDirectory(): boolean; isSymbolicLink(): boolean }) =>
        stat.isDirectory() ? 'directory' : stat.isSymbolicLink() ? 'symlink' : 'file';
      const added = (dir: string, at: string): string[] =>
        readdirSync(dir).flatMap((entry) => {
          const stat = lstatSync(`${dir}/${entry}`);
          const own = `added ${at}${entry} ${kind(stat)}`;
          return stat.isDirectory() ? [own, ...added(`${dir}/${entry}`, `${at}${entry}/`)] : [own];
        });
      const below = (stat: { isDirectory(): boolean }) =>
        stat.isDirectory() ? added(`${b}/${name}`, `${path}/`) : [];
      if (after === undefined) return [`deleted ${path} ${kind(before!)}`];
      if (before === undefined) return [`added ${path} ${kind(after)}`, ...below(after)];
      if (kind(before) !== kind(after)) return [`modified ${path} ${kind(after)} type`, ...below(after)];
      const content = (root: string) =>
        after.isSymbolicLink() ? readlinkSync(`${root}/${name}`) : readFileSync(`${root}/${name}`, 'utf8');
      const what = [
        !after.isDirectory() && content(a) !== content(b) && 'content',
        before.mode !== after.mode && 'mode',
        before.mtimeMs !== after.mtimeMs && 'mtime',
      ].filter(Boolean);
      const own = what.length > 0 ? [`modified ${path} ${kind(after)} ${what.join('+')}`] : [];
      return after.isDirectory() ? [...own, ...model(`${a}/${name}`, `${b}/${name}`, `${path}/`)] : own;
    });
  }

  type Node = { kind: 'file' | 'link'; text: string; mode: number; time: number } | Tree;
  interface Tree {
    kind: 'directory';
    mode: number;
    time: number;
    entries: Record<string, Node>;
  }

  const { tree } = fc.letrec<{ tree: Tree; node: Node }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, depthSize: 'medium' },
      fc.record({
        kind: fc.constantFrom('file' as const, 'link' as const),
        text: fc.constantFrom('one', 'two', 'three'),
        mode: fc.constantFrom(0o644, 0o600),
        time: fc.constantFrom(1, 2),
      }),
      tie('tree'),
    ),
    tree: fc.record({
      kind: fc.constant('directory' as const),
      mode: fc.constantFrom(0o755, 0o700),
      time: fc.constantFrom(1, 2),
      entries: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'é', '\n'), tie('node'), { maxKeys: 4 }),
    }),
  }));

  function build(path: string, node: Node): void {
    if (node.kind === 'directory') {
      mkdirSync(path);
      for (const [name, entry] of Object.entries(node.entries)) build(`${path}/${name}`, entry);
    } else if (node.kind === 'file') writeFileSync(path, node.text);
    else symlinkSync(node.text, path);
    if (node.kind !== 'link') chmodSync(path, node.mode);
    lutimesSync(path, node.time, node.time);
  }

  test('differ as a model of them says', async () => {
    await fc.assert(
      fc.asyncProperty(tree, tree, async (a, b) => {
        const scratch = scratchDirectory();
        build(scratch.join('a'), a);
        build(scratch.join('b'), b);
        const { texts, complete } = await changes(scratch);
        expect(texts).toEqual(model(scratch.join('a'), scratch.join('b')).sort());
        expect(complete).toBe(true);
        scratch[Symbol.dispose]();
      }),
      { numRuns: 60 },
    );
  });
});
