// Two things wrong at once: the one that the kernel meets first is told first, by either family of calls, and by explain().
import { mkdirSync, writeFileSync } from 'node:fs';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import type { LayerDirectories, Scratch } from '../../support/scratch.ts';
import { type Condition, type Expected, holds } from './condition.ts';

interface Spec extends LayerDirectories {
  options?: object;
}

/** Puts something wrong into the spec, or into what it names. */
type Spoil = (spec: Spec, scratch: Scratch) => void;

const SPOILS = {
  lowerMissing: (spec, scratch) => spec.lower.push(scratch.join('nope')),
  lowerFile: (spec, scratch) => spec.lower.push(scratch.file('plain')),
  nested: (spec) => spec.lower.push(`${spec.lower[0]}/dir`),
  unbindable: (spec, scratch) => {
    const path = scratch.directory('unbindable');
    run('mount', '-t', 'tmpfs', 'test', path);
    run('mount', '--make-unbindable', path);
    spec.lower.push(path);
  },
  sameWork: (spec) => {
    spec.work = spec.upper;
  },
  option: (spec) => {
    spec.options = { ...spec.options, raw: { bogus: '1' } };
  },
  index: (spec) => {
    mkdirSync(`${spec.work}/index`);
    writeFileSync(`${spec.work}/index/mine`, '');
    spec.options = { ...spec.options, index: true };
  },
  targetFile: (spec, scratch) => {
    spec.target = scratch.file('target-file');
  },
  inUse: (spec, scratch) => {
    mountSync({ ...spec, target: scratch.directory('first') });
  },
} as const satisfies Record<string, Spoil>;

type Name = keyof typeof SPOILS;

const NAMES: Readonly<Record<Name, string>> = {
  lowerMissing: 'a missing lower',
  lowerFile: 'a lower that is a file',
  nested: 'a lower in a lower',
  unbindable: 'an unbindable one',
  sameWork: 'work that is upper',
  option: 'an unknown option',
  index: 'a foreign entry in the index',
  targetFile: 'a target that is a file',
  inUse: 'an upper in use',
};

function pair(
  first: Name,
  second: Name,
  code: string,
  option: string,
  more: Partial<Expected> = {},
): Condition {
  return {
    id: 'pair',
    name: `${NAMES[first]}, and ${NAMES[second]}`,
    build: (layers, scratch) => {
      const spec: Spec = { ...layers, lower: [...layers.lower] };
      SPOILS[first](spec, scratch);
      SPOILS[second](spec, scratch);
      return [spec as MountSpec, { code, option, ...more }];
    },
  };
}

const early = { early: true } as const;

holds('two things wrong', [
  pair('lowerMissing', 'sameWork', 'ERR_OVERLAY_UPPER_IS_WORK', 'work', early),
  pair('sameWork', 'option', 'ERR_OVERLAY_UPPER_IS_WORK', 'work', early),
  pair('inUse', 'sameWork', 'ERR_OVERLAY_UPPER_IS_WORK', 'work', early),
  pair('lowerFile', 'option', 'ERR_OVERLAY_OPTION_REFUSED', 'bogus'),
  pair('lowerMissing', 'option', 'ERR_OVERLAY_OPTION_REFUSED', 'bogus'),
  pair('nested', 'unbindable', 'ERR_OVERLAY_UNBINDABLE', 'lower', { index: 3 }),
  pair('nested', 'index', 'ERR_OVERLAY_INDEX_UNFIT', 'work'),
  pair('lowerFile', 'targetFile', 'ERR_OVERLAY_NOT_DIRECTORY', 'lower', { index: 2 }),
  pair('nested', 'targetFile', 'ERR_OVERLAY_LAYERS_OVERLAP', 'lower', { index: 2 }),
  pair('index', 'targetFile', 'ERR_OVERLAY_INDEX_UNFIT', 'work'),
]);
