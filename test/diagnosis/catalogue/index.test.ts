// Row H of the catalogue and beyond it: what lies where the index is to be, and options that the kernel would drop.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import { bindfsMount, tmpfsMount } from '../../support/filesystems.ts';
import type { LayerDirectories, Scratch } from '../../support/scratch.ts';
import { type Condition, type Expected, holds } from './condition.ts';

const indexed = { options: { index: true } };

function unfit(id: string, name: string, make: (work: string) => void): Condition {
  return {
    id,
    name,
    build: (layers) => {
      make(layers.work);
      return [
        { ...layers, ...indexed },
        { code: 'ERR_OVERLAY_INDEX_UNFIT', option: 'work', path: layers.work },
      ];
    },
  };
}

function fixed(path: string): void {
  run('chattr', '+i', path);
  onTestFinished(() => void run('chattr', '-i', path));
}

holds('the index directory', [
  unfit('H12-file', 'a file is where the index is to be', (work) => writeFileSync(`${work}/index`, '')),
  unfit('H12-link', 'a link is where the index is to be', (work) => symlinkSync('/etc', `${work}/index`)),
  unfit('H12-entry', 'the index has an entry of somebody else', (work) => {
    mkdirSync(`${work}/index`);
    writeFileSync(`${work}/index/mine`, '');
  }),
  unfit('H12-fixed', 'the index is immutable', (work) => {
    mkdirSync(`${work}/index`);
    fixed(`${work}/index`);
  }),
  {
    id: 'H12-upper',
    name: 'an index, and an immutable upper',
    build: (layers) => {
      fixed(layers.upper);
      const expected = { code: 'ERR_OVERLAY_INDEX_UNFIT', option: 'upper', path: layers.upper };
      return [{ ...layers, ...indexed }, expected];
    },
  },
]);

type Build = (layers: LayerDirectories, scratch: Scratch) => MountSpec;

const dropped = (id: string, name: string, option: string, build: Build): Condition => ({
  id,
  name,
  // It is mounted before it is undone, and the kernel may take a moment to let go of upper.
  spoils: true,
  build: (layers, scratch): [MountSpec, Expected] => [
    build(layers, scratch),
    { code: 'ERR_OVERLAY_OPTION_DROPPED', option, early: true },
  ],
});

function onRamfs(layers: LayerDirectories, scratch: Scratch): MountSpec {
  const { path } = tmpfsMount({ type: 'ramfs', scratch });
  for (const name of ['u', 'w']) mkdirSync(`${path}/${name}`);
  return { ...layers, upper: `${path}/u`, work: `${path}/w` };
}

function twins(layers: LayerDirectories, scratch: Scratch): MountSpec {
  const lower = ['one', 'two'].map((name) => {
    const from = scratch.directory(name);
    writeFileSync(`${from}/file`, name);
    run('mksquashfs', from, `${from}.img`, '-quiet', '-no-progress');
    run('mount', '-o', 'loop', `${from}.img`, from);
    return from;
  });
  return { ...layers, lower };
}

function onOverlay(layers: LayerDirectories, scratch: Scratch): MountSpec {
  const below = new Map(['l', 'u', 'w', 'm'].map((name) => [name, scratch.directory(`below/${name}`)]));
  const [lower, upper, work, target] = [...below.values()] as [string, string, string, string];
  mountSync({ lower, upper, work, target });
  return { ...layers, lower: [layers.lower[0]!, target] };
}

const ramfs = (scratch: Scratch) => tmpfsMount({ type: 'ramfs', scratch }).path;

holds('options that would be dropped', [
  dropped('H08', 'index, and a lower on an overlay', 'index', (layers, scratch) => ({
    ...onOverlay(layers, scratch),
    ...indexed,
  })),
  dropped('H08-nfs', 'nfsExport, and a lower on an overlay', 'nfsExport', (layers, scratch) => ({
    ...onOverlay(layers, scratch),
    options: { nfsExport: true },
  })),
  dropped('H08-fuse', 'index, and a lower on FUSE', 'index', (layers, scratch) => ({
    ...layers,
    lower: [layers.lower[0]!, bindfsMount(layers.lower[1]!, { scratch }).path],
    ...indexed,
  })),
  dropped('H11', 'index, and lowers on tmpfs and ramfs', 'index', (layers, scratch) => ({
    ...layers,
    lower: [tmpfsMount({ scratch }).path, ramfs(scratch), layers.lower[0]!],
    ...indexed,
  })),
  {
    id: 'H07',
    name: 'nfsExport of a view, without nofollow',
    build: ({ lower, target }) => [
      { lower, target, options: { nfsExport: true } as never },
      { code: 'ERR_OVERLAY_USELESS_OPTION', option: 'nfsExport', early: true },
    ],
  },
  {
    id: 'I32',
    name: 'volatile of a view',
    build: ({ lower, target }) => [
      { lower, target, options: { volatile: true } as never },
      { code: 'ERR_OVERLAY_USELESS_OPTION', option: 'volatile', early: true },
    ],
  },
  dropped('H11-twins', 'index, and two lowers without a UUID', 'index', (layers, scratch) => ({
    ...twins(layers, scratch),
    ...indexed,
  })),
  dropped('F15-uuid', 'uuid on a filesystem without attributes', 'uuid', (layers, scratch) => ({
    ...onRamfs(layers, scratch),
    options: { uuid: 'on' },
  })),
  dropped('F15-metacopy', 'metacopy on a filesystem without attributes', 'metacopy', (layers, scratch) => ({
    ...onRamfs(layers, scratch),
    options: { metacopy: true },
  })),
  dropped('F15-detached', 'the same, detached', 'metacopy', (layers, scratch) => {
    const { target: _, ...spec } = onRamfs(layers, scratch);
    return { ...spec, options: { metacopy: true } };
  }),
]);
