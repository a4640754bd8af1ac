// Rows B, F and G of the catalogue that the kernel lets pass, and that are refused here.
import { mountSync } from '../../../lib/mount/mount.ts';
import { tmpfsMount } from '../../support/filesystems.ts';
import { holds } from './condition.ts';

holds('what the kernel lets pass', [
  {
    id: 'B06',
    name: 'work holds a file "work"',
    build: (layers, scratch) => {
      scratch.file('work/work', 'mine');
      return [layers, { code: 'ERR_OVERLAY_WORK_HAS_DATA', option: 'work', path: layers.work, early: true }];
    },
  },
  {
    id: 'F28',
    name: 'no directory can be made in work',
    build: (layers, scratch) => {
      // The root, upper, work and a file.
      const { path } = tmpfsMount({ inodes: 4, scratch });
      const spec = { ...layers, upper: `${path}/u`, work: `${path}/w` };
      for (const directory of [spec.upper, spec.work])
        scratch.directory(directory.slice(scratch.path.length));
      scratch.file(`${path.slice(scratch.path.length)}/file`);
      return [spec, { code: 'ERR_OVERLAY_BECAME_READ_ONLY', option: 'work', path: spec.work, early: true }];
    },
  },
  {
    id: 'G01',
    name: 'upper and work are in use',
    build: (layers, scratch) => {
      mountSync({ ...layers, target: scratch.directory('first') });
      return [layers, { code: 'ERR_OVERLAY_IN_USE', option: 'upper', path: layers.upper }];
    },
  },
]);
