// What the kernel lets pass and a mount refuses (rows E, G, H of the catalogue, and what else overlaps), until one insists.
import { closeSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { GUARD_RULES } from '../../../lib/diagnosis/guard-rules.ts';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { ways } from '../../mount/forms.ts';
import { run } from '../../support/command.ts';
import { tmpfsMount } from '../../support/filesystems.ts';
import { runNode } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';
import { type Condition, type Expected, holds } from './condition.ts';

type Build = (layers: LayerDirectories, scratch: Scratch) => readonly [MountSpec, Omit<Expected, 'early'>];

interface Guarded {
  readonly id: string;
  readonly name: string;
  readonly build: Build;
  /** The kernel itself refuses it, whoever insists. */
  readonly refused?: true;
}

function directory(path: string): string {
  mkdirSync(path, { recursive: true });
  return path;
}

/** A live overlay beside the layers of the test. */
function other(scratch: Scratch, attached: boolean): { readonly upper: string; readonly work: string } {
  const spec = {
    lower: scratch.directory('other/lower'),
    upper: scratch.directory('other/upper'),
    work: scratch.directory('other/work'),
  };
  const overlay = mountSync({ ...spec, ...(attached && { target: scratch.directory('other/target') }) });
  onTestFinished(() => overlay.unmountSync());
  return spec;
}

function view({ lower, target }: LayerDirectories, ...more: string[]): MountSpec {
  return { lower: [lower[0]!, ...more], target };
}

const lowerInUse = (index: number, path?: string) => ({
  code: 'ERR_OVERLAY_LOWER_IN_USE',
  option: 'lower',
  index,
  ...(path !== undefined && { path }),
});

const inUse: readonly Guarded[] = [true, false].flatMap((attached) => {
  const how = attached ? 'a mounted' : 'a detached';
  return [
    {
      id: 'G06',
      name: `a lower is the upper of ${how} overlay`,
      build: (layers, scratch) => {
        const { upper } = other(scratch, attached);
        return [{ ...layers, lower: [layers.lower[0]!, upper] }, lowerInUse(1, upper)];
      },
    },
    {
      id: 'G06-view',
      name: `the same of ${how} overlay, for a view`,
      build: (layers, scratch) => {
        const { upper } = other(scratch, attached);
        return [view(layers, upper), lowerInUse(1, upper)];
      },
    },
    {
      id: 'G06-one',
      name: `a view of nothing but the upper of ${how} overlay`,
      build: ({ target }, scratch) => {
        const { upper } = other(scratch, attached);
        return [{ lower: upper, target }, lowerInUse(0, upper)];
      },
    },
    {
      id: 'G06-work',
      name: `a lower is the work directory of ${how} overlay`,
      build: (layers, scratch) => {
        const { work } = other(scratch, attached);
        return [view(layers, work), lowerInUse(1, work)];
      },
    },
    {
      id: 'G06-in',
      name: `a lower lies in the upper of ${how} overlay, behind others`,
      build: (layers, scratch) => {
        const path = directory(`${other(scratch, attached).upper}/a/b`);
        const many = Array.from({ length: 20 }, (_, i) => scratch.directory(`many/${i}`));
        return [view(layers, ...many, path), lowerInUse(21, path)];
      },
    },
    {
      id: 'G06-link',
      name: `a lower is a symlink into the upper of ${how} overlay`,
      build: (layers, scratch) => {
        const path = scratch.join('many/link');
        scratch.directory('many/first');
        symlinkSync(directory(`${other(scratch, attached).upper}/a`), path);
        return [view(layers, scratch.join('many/first'), path), lowerInUse(2, path)];
      },
    },
    {
      id: 'G06-bind',
      name: `a lower is a bind mount of a part of the upper of ${how} overlay`,
      build: (layers, scratch) => {
        const path = scratch.directory('bound');
        run('mount', '--bind', directory(`${other(scratch, attached).upper}/a`), path);
        return [view(layers, path), lowerInUse(1, path)];
      },
    },
    {
      id: 'G06-fd',
      name: `a lower is a descriptor of a directory in the upper of ${how} overlay`,
      build: (layers, scratch) => {
        const fd = openSync(directory(`${other(scratch, attached).upper}/a`), 'r');
        onTestFinished(() => closeSync(fd));
        return [{ lower: [layers.lower[0]!, { fd }], target: layers.target }, lowerInUse(1)];
      },
    },
    {
      id: 'G03-in',
      name: `the upper lies in the upper of ${how} overlay`,
      build: (layers, scratch) => {
        const path = directory(`${other(scratch, attached).upper}/a/b`);
        const work = directory(`${scratch.path}/other/upper/w`);
        return [
          { ...layers, upper: path, work },
          { code: 'ERR_OVERLAY_IN_USE', option: 'upper', path },
        ];
      },
    },
  ] satisfies Guarded[];
});

const inLower = (option: 'upper' | 'work', path: string) => ({
  code: 'ERR_OVERLAY_UPPER_IN_LOWER',
  option,
  path,
});

/** The other way round: the live overlay reads, or lies deeper. */
const around: readonly Guarded[] = [
  {
    id: 'G13',
    name: 'the upper is a lower of a mounted overlay',
    build: (layers, scratch) => {
      other(scratch, true);
      const upper = scratch.join('other/lower');
      return [
        { ...layers, upper },
        { code: 'ERR_OVERLAY_UPPER_IS_LOWER', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'G13-work',
    name: 'the work directory is a lower of a mounted overlay, by another name',
    build: (layers, scratch) => {
      other(scratch, true);
      const work = scratch.join('link');
      symlinkSync('other/lower', work);
      return [
        { ...layers, work },
        { code: 'ERR_OVERLAY_UPPER_IS_LOWER', option: 'work', path: work },
      ];
    },
  },
  ...[true, false].map(
    (attached): Guarded => ({
      id: 'G01-around',
      name: `the upper contains that of a ${attached ? 'mounted' : 'detached'} overlay`,
      build: (layers, scratch) => {
        other(scratch, attached);
        const upper = scratch.join('other');
        return [
          { ...layers, upper },
          { code: 'ERR_OVERLAY_IN_USE', option: 'upper', path: upper },
        ];
      },
    }),
  ),
];

const overlaps: readonly Guarded[] = [
  {
    id: 'E02',
    name: 'the upper in a lower',
    build: (layers) => {
      const path = directory(`${layers.lower[1]}/deep/upper`);
      return [{ ...layers, upper: path }, inLower('upper', path)];
    },
  },
  {
    id: 'E10',
    name: 'work in a lower',
    build: (layers) => {
      const path = directory(`${layers.lower[0]}/work`);
      return [{ ...layers, work: path }, inLower('work', path)];
    },
  },
  {
    id: 'E02-own-work',
    name: 'the upper in a lower, work beside it',
    build: ({ lower, target }) => {
      const path = directory(`${lower[0]}/upper`);
      return [{ lower, upper: path, target }, inLower('upper', path)];
    },
  },
  {
    id: 'E02-data',
    name: 'the upper in a data layer',
    build: (layers, scratch) => {
      const path = scratch.directory('data/upper');
      const options = { metacopy: true, redirectDir: 'on' } as const;
      return [{ ...layers, upper: path, data: [scratch.join('data')], options }, inLower('upper', path)];
    },
  },
  {
    id: 'E02-link',
    name: 'the upper in what a lower links to',
    build: (layers, scratch) => {
      const path = scratch.directory('real/upper');
      symlinkSync(scratch.join('real'), scratch.join('link'));
      return [{ ...layers, lower: scratch.join('link'), upper: path }, inLower('upper', path)];
    },
  },
  {
    id: 'E02-bound-lower',
    name: 'the upper in what a lower is a bind mount of',
    build: (layers, scratch) => {
      const path = scratch.directory('real/upper');
      run('mount', '--bind', scratch.join('real'), scratch.directory('bound'));
      return [{ ...layers, lower: scratch.join('bound'), upper: path }, inLower('upper', path)];
    },
  },
  {
    id: 'E02-bound-upper',
    name: 'the upper in a bind mount of a part of a lower',
    build: (layers, scratch) => {
      const lower = scratch.directory('real');
      run('mount', '--bind', scratch.directory('real/part'), scratch.directory('bound'));
      const [path, work] = [directory(scratch.join('bound/upper')), directory(scratch.join('bound/work'))];
      return [{ ...layers, lower: [layers.lower[0]!, lower], upper: path, work }, inLower('upper', path)];
    },
  },
  {
    id: 'E02-fd',
    name: 'the upper in a lower, both as descriptors',
    build: (layers, scratch) => {
      const fds = [scratch.directory('real/upper'), scratch.join('real')].map((path) => openSync(path, 'r'));
      onTestFinished(() => fds.forEach((fd) => void closeSync(fd)));
      const [upper, lower] = fds.map((fd) => ({ fd }));
      return [
        { ...layers, lower: [layers.lower[0]!, lower!], upper: upper! },
        { code: 'ERR_OVERLAY_UPPER_IN_LOWER', option: 'upper' },
      ];
    },
  },
];

const notes: readonly Guarded[] = [
  {
    id: '3.7',
    name: 'an upper written without userxattr is used with it',
    build: (layers) => {
      mountSync(layers).unmountSync();
      return [
        { ...layers, options: { userxattr: true } },
        { code: 'ERR_OVERLAY_OTHER_DIALECT', option: 'upper', path: layers.upper },
      ];
    },
  },
  {
    id: '3.7-user',
    name: 'an upper written with userxattr is used without it',
    build: (layers) => {
      mountSync({ ...layers, options: { userxattr: true } }).unmountSync();
      return [layers, { code: 'ERR_OVERLAY_OTHER_DIALECT', option: 'upper', path: layers.upper }];
    },
  },
  {
    id: 'H04',
    name: 'an upper used with another lower under index, now without',
    build: (layers) => {
      mountSync({ ...layers, options: { index: true } }).unmountSync();
      return [
        { ...layers, lower: [layers.lower[1]!], options: { index: false } },
        { code: 'ERR_OVERLAY_OTHER_LOWER', option: 'upper', path: layers.upper },
      ];
    },
  },
];

/** As mount(8) does it, so that nobody notes anything on the upper. */
function usedVolatile({ lower, upper, work, target }: LayerDirectories): void {
  const options = `lowerdir=${lower[0]},upperdir=${upper},workdir=${work},volatile`;
  run('mount', '-t', 'overlay', 'overlay', '-o', options, target);
  run('umount', target);
}

/** By this package, in a process that is killed. */
function lostVolatile({ lower, upper }: Omit<LayerDirectories, 'work'>, more: object = {}): void {
  const spec = JSON.stringify({ lower, upper, ...more, options: { volatile: true } });
  const script = `
    import { mountSync } from 'overlayfs';
    mountSync(JSON.parse(process.argv[1]));
    process.kill(process.pid, 'SIGKILL');`;
  runNode(script, { args: [spec] });
}

const dirty = ({ upper: path }: LayerDirectories) => ({
  code: 'ERR_OVERLAY_DIRTY_UPPER',
  option: 'upper',
  path,
});

const written: readonly Guarded[] = [
  {
    id: 'I33-ours',
    name: 'an upper that was used volatile, with another work directory',
    build: (layers, scratch) => {
      lostVolatile(layers, { work: layers.work });
      return [{ ...layers, work: scratch.directory('another') }, dirty(layers)];
    },
  },
  {
    id: 'I33-ours-none',
    name: 'an upper that was used volatile, both times without work',
    build: ({ work: _, ...layers }) => {
      lostVolatile(layers);
      return [layers, dirty({ ...layers, work: '' })];
    },
  },
  {
    id: 'I33-theirs',
    name: 'an upper that mount(8) used volatile, with another work directory',
    build: (layers, scratch) => {
      usedVolatile(layers);
      return [{ ...layers, work: scratch.directory('another') }, dirty(layers)];
    },
  },
  {
    id: 'I33-theirs-none',
    name: 'an upper that mount(8) used volatile, without work',
    build: ({ work, ...layers }) => {
      usedVolatile({ ...layers, work });
      return [layers, dirty({ ...layers, work })];
    },
  },
];

const all = [...inUse, ...around, ...overlaps, ...notes, ...written];

holds(
  'guards',
  all.map(
    ({ build, ...rest }): Condition => ({
      ...rest,
      build: (layers, scratch) => {
        const [spec, expected] = build(layers, scratch);
        return [spec, { ...expected, early: true }];
      },
    }),
  ),
);

for (const { id, name, build } of all) {
  privileged(`${id} ${name}: insisted on`, async () => {
    for (const [, form, via] of ways) {
      const scratch = scratchDirectory();
      const [spec, { code }] = build(scratch.layers({ lower: 2 }), scratch);
      const { insist } = GUARD_RULES.find((rule) => rule.code === code)!;
      await form.end(await form.mount({ ...spec, via, [insist]: true }));
    }
  });
}

privileged('guards that have no reason let pass what is only near', async () => {
  for (const [, form, via] of ways) {
    const scratch = scratchDirectory();
    const { lower, target } = scratch.layers();
    // Beside, above, on another filesystem below, and in a bind mount whose rest is mounted elsewhere.
    const around = other(scratch, true);
    const { path } = tmpfsMount({ scratch });
    const upper = directory(`${path}/upper`);
    await form.end(await form.mount({ lower: [scratch.path], upper, work: directory(`${path}/work`), via }));
    await form.end(
      await form.mount({ lower: [...lower, `${around.upper}/..`.replace('/upper/..', '')], target, via }),
    );
    run('mount', '--bind', scratch.directory('part'), scratch.directory('bound'));
    const bound = {
      upper: directory(scratch.join('bound/upper')),
      work: directory(scratch.join('bound/work')),
    };
    await form.end(await form.mount({ lower, ...bound, target, via }));
    await form.end(await form.mount({ lower: [...lower, bound.upper], target, via }));
  }
});
