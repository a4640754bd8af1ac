import { expect, test } from 'vitest';
import { applyRules, type Ruled } from '../../lib/diagnosis/rule.ts';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { ROOM_TO_WORK, type WorkFacts } from '../../lib/diagnosis/work-facts.ts';
import { DROPPED_RULES, OWN_WORK_RULES, READ_ONLY_RULES } from '../../lib/diagnosis/work-rules.ts';
import { PROC_SUPER_MAGIC, STATX_ATTR_MOUNT_ROOT } from '../../lib/kernel/constants.ts';
import { EACCES, EDQUOT, EIO, ENOENT, ENOSPC, EPERM, EROFS } from '../../lib/kernel/errno.ts';
import { type Changes, codes, directory, facts } from './facts.ts';

const root = directory('/u', 'upper', { stat: { attributes: BigInt(STATX_ATTR_MOUNT_ROOT) } });
const room = (errno: number, more: Partial<WorkFacts> = {}) => ({
  room: { ...ROOM_TO_WORK, errno, ...more },
});
const alone = { work: undefined };

test.each<[string, Changes, string[]]>([
  ['work is given', room(EACCES), []],
  ['room beside upper', alone, []],
  ['a whole mount', { ...alone, upper: root }, ['NO_WORK upper']],
  ['a whole mount, work given', { upper: root }, []],
  ['not writable', { ...alone, ...room(EACCES) }, ['NO_WORK upper']],
  ['immutable', { ...alone, ...room(EPERM) }, ['NO_WORK upper']],
  ['full', { ...alone, ...room(ENOSPC) }, ['NO_SPACE upper']],
  ['a quota', { ...alone, ...room(EDQUOT) }, ['QUOTA upper']],
  ['something else', { ...alone, ...room(EIO) }, ['NO_WORK upper']],
  ['a snapshot that is read-only', { ...alone, ...room(EROFS) }, ['NO_WORK upper']],
  ['a missing upper', { ...alone, ...room(EACCES), upper: { subject: root.subject, errno: 2 } }, []],
])('beside the upper: %s', (_, changes, expected) => {
  expect(codes(OWN_WORK_RULES, changes)).toEqual(expected);
});

const readOnly = ['BECAME_READ_ONLY work'];

test.each<[string, Changes, string[]]>([
  ['room', {}, []],
  ['no room', room(ENOSPC), readOnly],
  ['no right', room(EACCES), readOnly],
  ['a leftover', room(0, { stuck: { path: 'work/a', why: 'deep' } }), readOnly],
  ['read-only is what was asked for', { ...room(ENOSPC), asked: { attributes: { readOnly: true } } }, []],
  ['work is absent', { ...room(ENOSPC), ...alone }, []],
])('in work: %s', (_, changes, expected) => {
  expect(codes(READ_ONLY_RULES, changes)).toEqual(expected);
});

test.each<[string, Changes, string, string]>([
  ['immutable', room(EPERM, { immutable: true }), 'immutable (chattr +i)', 'chattr -i'],
  ['not for this user', room(EACCES), 'EACCES', 'that this user can write to'],
  ['sysfs', room(EPERM), 'EPERM', 'on a filesystem such as'],
  ['removed', room(ENOENT, { removed: true }), 'has been removed', 'that exists'],
  ['read-only', room(EROFS), 'read-only', 'can be written'],
  ['immutable leftover', room(0, { stuck: { path: 'work', why: 'fixed' } }), '"work"', 'chattr -ia'],
  ['mounted', room(0, { stuck: { path: 'work/a', why: 'mounted' } }), 'mounted on it', 'unmount that'],
])('why the work directory cannot be used: %s', (_, changes, sentence, hint) => {
  const [{ finding }] = applyRules(READ_ONLY_RULES, facts(changes)) as [Ruled];
  expect(finding.sentence).toContain(sentence);
  expect(finding.hint).toContain(hint);
});

test('an upper on procfs has no place for a work directory, and that is not what is wrong', () => {
  const { filesystem } = directory('/proc/sys', 'upper');
  const upper = directory('/proc/sys', 'upper', { filesystem: { ...filesystem, type: PROC_SUPER_MAGIC } });
  expect(codes(OWN_WORK_RULES, { ...alone, ...room(ENOENT), upper })[0]).toBe('PROC_LAYER upper');
});

const on = (key: string) => ({ asked: { parameters: [{ key, value: 'on' }] } });
const handleless = { withoutHandles: [root.subject] };
const inNamespace = { caller: { uid: 0, capSysAdmin: true, initialUserNamespace: false } };
const noAttributes = { upperFacts: { ...NO_UPPER, noAttributes: true } };

test.each<[string, Changes, string[]]>([
  ['index', on('index'), []],
  ['index, and no handles', { ...on('index'), ...handleless }, ['OPTION_DROPPED index']],
  ['nfs_export, and no handles', { ...on('nfs_export'), ...handleless }, ['OPTION_DROPPED nfsExport']],
  ['no handles, and no index', handleless, []],
  [
    'redirects, and no attributes',
    { ...on('redirect_dir'), ...noAttributes },
    ['OPTION_DROPPED redirectDir'],
  ],
  ['no attributes', noAttributes, []],
  ['uuid, and no attributes', { ...on('uuid'), ...noAttributes }, ['OPTION_DROPPED uuid']],
  ['in a user namespace', { ...on('index'), ...inNamespace }, ['OPTION_DROPPED index']],
  [
    'in a user namespace with userxattr',
    { ...inNamespace, asked: { parameters: [{ key: 'index', value: 'on' }, { key: 'userxattr' }] } },
    ['OPTION_DROPPED index'],
  ],
  ['attributes of a user namespace', { ...on('uuid'), ...inNamespace }, ['OPTION_DROPPED uuid']],
  ['twins', { ...on('nfs_export'), twins: [root.subject, root.subject] }, ['OPTION_DROPPED nfsExport']],
])('options: %s', (_, changes, expected) => {
  expect(codes(DROPPED_RULES, changes)).toEqual(expected);
});
