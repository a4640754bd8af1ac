// An ordinary user reads the layers that root has mounted: what it can see is what the mount shows.

import { expect } from 'vitest';
import fc from '../support/fast-check.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { modes } from './modes.ts';
import { type EntryType, type Snapshot, snapshot } from './snapshot.ts';
import { shownType } from './stack-view.ts';
import { Stage } from './stage.ts';
import { actOn, build, type Staged, stories } from './story.ts';

/** An entry as the script prints it; paths and contents one character a byte. */
interface Printed {
  readonly path: string;
  readonly type: Parameters<typeof shownType>[0];
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: string;
  readonly size: number;
  readonly xattrs: readonly [string, string][];
  readonly failed: boolean;
}

const script = `
  import { openStack } from 'overlayfs/layer';
  const bytes = (path) => (path === '.' ? '' : Buffer.from(path).toString('latin1'));
  const views = [];
  for (const layers of JSON.parse(process.argv[1])) {
    const stack = await openStack({ ...layers, options: { userxattr: true } });
    const entries = [];
    for await (const { path, type, mode, uid, gid, mtime, size, xattrs, error } of stack.walk()) {
      entries.push({
        path: bytes(path), type, mode, uid, gid, mtime: String(mtime), size, failed: error !== undefined,
        xattrs: [...xattrs].map(([name, value]) => [name, value.toString('hex')]).sort(),
      });
    }
    await stack.close();
    views.push(entries);
  }
  console.log(JSON.stringify(views));`;

/** Those that everybody may see who may read the file. */
function userXattrs(all: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return all.filter(([name]) => name.startsWith('user.'));
}

const plain: readonly EntryType[] = ['file', 'symlink'];

/** What an entry that could be read has to be. */
function expected(mounted: Snapshot, path: string): unknown {
  const { type, mode, uid, gid, mtime, size, xattrs } = mounted.get(path) ?? {};
  return {
    path,
    type,
    mode,
    uid,
    gid,
    mtime: String(mtime),
    size,
    xattrs: userXattrs(Object.entries(xattrs ?? {})),
  };
}

function seen({ failed: _, type, size, xattrs, ...entry }: Printed): unknown {
  const shown = shownType(type);
  return {
    ...entry,
    type: shown,
    size: plain.includes(shown) ? size : undefined,
    xattrs: userXattrs(xattrs),
  };
}

const isIn = (path: string, directories: readonly string[]) =>
  directories.some((directory) => directory === '' || path === directory || path.startsWith(`${directory}/`));

privileged('an ordinary user sees of the layers what the mount shows, or says that it cannot see', () => {
  const scratch = scratchDirectory();
  const mode = modes.find(({ dialect }) => dialect === 'user')!;
  const seed = Number(process.env.OVERLAYFS_ORACLE_SEED ?? 4);
  const stages: Stage[] = [];
  try {
    const played = fc.sample(stories, { numRuns: 25, seed }).map((story, i) => {
      const stage = new Stage(scratch.directory(`stage${i}`));
      stages.push(stage);
      const staged: Staged = build(stage, story, mode, new Map());
      const { stack, work, trace } = staged;
      actOn(stage, stack, work, mode, story.operations, trace, new Map()).unmountSync();
      return { ...staged, mounted: snapshot(stage.mount(stack, mode.options, work).path) };
    });
    const views = printedJson<Printed[][]>(
      asNobody(script, { args: [JSON.stringify(played.map(({ stack }) => stack))] }),
    );
    let compared = 0;
    for (const [i, { mounted, trace }] of played.entries()) {
      const entries = views[i]!;
      const hidden = entries.filter(({ failed }) => failed).map(({ path }) => path);
      const clear = entries.filter(({ path }) => !isIn(path, hidden));
      const words = [`seed ${seed}, story ${i}`, ...trace].join('\n');
      expect(clear.map(seen), words).toEqual(clear.map(({ path }) => expected(mounted, path)));
      const told = new Set(entries.map(({ path }) => path));
      const untold = [...mounted.keys()].filter((path) => !told.has(path) && !isIn(path, hidden));
      expect(untold, words).toEqual([]);
      compared += clear.length;
    }
    expect(compared).toBeGreaterThan(50);
  } finally {
    for (const stage of stages) stage[Symbol.dispose]();
  }
});
