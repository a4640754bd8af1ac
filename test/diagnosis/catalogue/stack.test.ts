// Rows D and E of the catalogue: layers that are the same, lie in each other, or lie too deep; and lowers that cannot be.
import { mkdirSync, symlinkSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import { holds } from './condition.ts';

holds('equal and nested layers', [
  {
    id: 'D07',
    name: 'a lower twice',
    build: ({ lower: [a, b], target }) => [
      { lower: [a!, b!, a!], target },
      { code: 'ERR_OVERLAY_LAYER_TWICE', option: 'lower', index: 2, path: a! },
    ],
  },
  {
    id: 'D07-link',
    name: 'a lower twice, once by a symlink',
    build: ({ lower: [a, b], upper, work, target }, scratch) => {
      const path = scratch.join('link');
      symlinkSync(a!, path);
      const expected = { code: 'ERR_OVERLAY_LAYER_TWICE', option: 'lower', index: 2, path };
      return [{ lower: [a!, b!, path], upper, work, target }, expected];
    },
  },
  {
    id: 'D07-bind',
    name: 'a lower twice, once by a bind mount',
    build: ({ lower: [a, b], target }, scratch) => {
      const path = scratch.directory('bind');
      run('mount', '--bind', a!, path);
      return [
        { lower: [a!, b!, path], target },
        { code: 'ERR_OVERLAY_LAYER_TWICE', option: 'lower', index: 2, path },
      ];
    },
  },
  {
    id: 'E01',
    name: 'the upper is a lower',
    build: (layers) => [
      { ...layers, lower: [layers.lower[0]!, layers.upper] },
      { code: 'ERR_OVERLAY_LAYER_TWICE', option: 'lower', index: 1, path: layers.upper },
    ],
  },
  {
    id: 'E08',
    name: 'the work directory is a lower',
    build: (layers) => [
      { ...layers, lower: layers.work },
      { code: 'ERR_OVERLAY_LAYER_TWICE', option: 'lower', index: 0, path: layers.work },
    ],
  },
  {
    id: 'E03',
    name: 'a lower in the upper',
    build: (layers) => {
      const path = `${layers.upper}/in`;
      mkdirSync(path);
      return [
        { ...layers, lower: path },
        { code: 'ERR_OVERLAY_LAYERS_OVERLAP', option: 'lower', index: 0, path },
      ];
    },
  },
  {
    id: 'E07',
    name: 'a lower in a lower',
    build: ({ lower: [a, b], target }) => [
      { lower: [b!, a!, `${a}/dir`], target },
      { code: 'ERR_OVERLAY_LAYERS_OVERLAP', option: 'lower', index: 2, path: `${a}/dir` },
    ],
  },
  {
    id: 'E07-up',
    name: 'a lower around an earlier one',
    build: ({ lower: [a, b], upper, work, target }) => [
      { lower: [`${a}/dir`, b!, a!], upper, work, target },
      { code: 'ERR_OVERLAY_LAYERS_OVERLAP', option: 'lower', index: 0, path: `${a}/dir` },
    ],
  },
  {
    id: 'E04',
    name: 'work in upper',
    build: (layers) => {
      const work = `${layers.upper}/work`;
      mkdirSync(work);
      return [
        { ...layers, work },
        { code: 'ERR_OVERLAY_WORK_IN_UPPER', option: 'work', path: work },
      ];
    },
  },
  {
    id: 'E05',
    name: 'upper in work',
    build: (layers) => {
      const upper = `${layers.work}/upper`;
      mkdirSync(upper);
      return [
        { ...layers, upper },
        { code: 'ERR_OVERLAY_WORK_IN_UPPER', option: 'upper', path: upper },
      ];
    },
  },
  {
    id: 'E06',
    name: 'upper is work',
    build: (layers) => [
      { ...layers, work: layers.upper },
      { code: 'ERR_OVERLAY_UPPER_IS_WORK', option: 'work', path: layers.upper, early: true },
    ],
  },
]);

holds('lowers that cannot be', [
  {
    id: 'D09',
    name: 'a third overlay on two',
    build: async ({ lower: [a, b], upper, work, target }, scratch) => {
      const path = scratch.directory('two');
      mountSync({ lower: [a!, b!], target });
      mountSync({ lower: [target, scratch.directory('more')], target: path });
      const expected = { code: 'ERR_OVERLAY_TOO_DEEP', option: 'lower', index: 1, path };
      return [{ lower: [b!, path], upper, work, target: scratch.directory('three') }, expected];
    },
  },
  {
    id: 'D09-detached',
    name: 'a third overlay on two that are mounted nowhere',
    build: ({ lower, upper, work, target }, scratch) => {
      const one = mountSync({ lower });
      const two = mountSync({ lower: [{ fd: one.fd }, scratch.directory('more')] });
      onTestFinished(() => {
        two.unmountSync();
        one.unmountSync();
      });
      return [
        { lower: [lower[0]!, { fd: two.fd }], upper, work, target },
        { code: 'ERR_OVERLAY_TOO_DEEP', option: 'lower', index: 1 },
      ];
    },
  },
  {
    id: 'D09-data',
    name: 'a data layer in an overlay on an overlay',
    build: ({ lower: [a, b], upper, work, target }, scratch) => {
      const path = scratch.directory('two');
      mountSync({ lower: [a!, b!], target });
      mountSync({ lower: [target, scratch.directory('more')], target: path });
      const spec = { lower: a!, data: [b!, `${path}/dir`], upper, work, target: scratch.directory('three') };
      return [spec, { code: 'ERR_OVERLAY_TOO_DEEP', option: 'data', index: 1, path: `${path}/dir` }];
    },
  },
  {
    id: 'F22',
    name: 'a lower on procfs',
    build: (layers) => [
      { ...layers, lower: [layers.lower[0]!, '/proc/sys'] },
      { code: 'ERR_OVERLAY_PROC_LAYER', option: 'lower', index: 1, path: '/proc/sys' },
    ],
  },
  {
    id: 'J10-unbindable',
    name: 'a lower on an unbindable mount',
    build: (layers, scratch) => {
      const path = scratch.directory('unbindable');
      run('mount', '-t', 'tmpfs', 'test', path);
      run('mount', '--make-unbindable', path);
      return [
        { ...layers, lower: [layers.lower[0]!, path] },
        { code: 'ERR_OVERLAY_UNBINDABLE', option: 'lower', index: 1, path },
      ];
    },
  },
]);
