import { expect, test } from 'vitest';
import { LOWER_CLONE_RULES, UPPER_CLONE_RULES } from '../../lib/diagnosis/clone-rules.ts';
import { EINVAL } from '../../lib/kernel/errno.ts';
import { type Changes, codes, DISK, directory, mountinfo } from './facts.ts';

const [unbindable] = mountinfo('21 20 8:2 / /l rw unbindable - ext4 /dev/sdb rw');
const inside = mountinfo(DISK, '22 20 0:9 / /l/proc rw - proc proc rw', '23 20 0:9 / /lx rw - proc proc rw');
const beside = inside.filter(({ id }) => id !== 22);
const refused = [directory('/l', 'lower', { cloneErrno: EINVAL })];
const namespace = { uid: 0, capSysAdmin: true, initialUserNamespace: false };

test.each<[string, Changes, string[]]>([
  ['a layer that can be cloned', { mounts: inside, caller: namespace }, []],
  [
    'an unbindable mount',
    { lower: [directory('/l', 'lower', { mount: unbindable })] },
    ['UNBINDABLE lower 0'],
  ],
  [
    'a mount of elsewhere',
    { lower: [directory('/l', 'lower', { mount: undefined, cloneErrno: EINVAL })] },
    ['FOREIGN_MOUNT lower 0'],
  ],
  ['a detached mount', { lower: [directory('/l', 'lower', { mount: undefined })] }, []],
  ['locked mounts', { lower: refused, mounts: inside, caller: namespace }, ['LOCKED_MOUNTS lower 0']],
  ['mounts beside', { lower: refused, mounts: beside, caller: namespace }, []],
  ['mounts inside, outside of a user namespace', { lower: refused, mounts: inside }, []],
])('%s', (_, changes, expected) => {
  expect(codes([...UPPER_CLONE_RULES, ...LOWER_CLONE_RULES], changes)).toEqual(expected);
});
