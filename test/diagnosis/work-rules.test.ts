import { expect, test } from 'vitest';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { DROPPED_RULES, OWN_WORK_RULES, READ_ONLY_RULES } from '../../lib/diagnosis/work-rules.ts';
import { STATX_ATTR_MOUNT_ROOT } from '../../lib/kernel/constants.ts';
import { EACCES, EDQUOT, EIO, ENOSPC, EPERM } from '../../lib/kernel/errno.ts';
import { type Changes, codes, directory } from './facts.ts';

const root = directory('/u', 'upper', { stat: { attributes: BigInt(STATX_ATTR_MOUNT_ROOT) } });
const room = (errno: number, stuck?: string) => ({ room: { errno, stuck, project: undefined } });
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
  ['something else', { ...alone, ...room(EIO) }, []],
  ['a missing upper', { ...alone, ...room(EACCES), upper: { subject: root.subject, errno: 2 } }, []],
])('beside the upper: %s', (_, changes, expected) => {
  expect(codes(OWN_WORK_RULES, changes)).toEqual(expected);
});

const readOnly = ['BECAME_READ_ONLY work'];

test.each<[string, Changes, string[]]>([
  ['room', {}, []],
  ['no room', room(ENOSPC), readOnly],
  ['no right', room(EACCES), readOnly],
  ['a leftover', room(0, 'work/a'), readOnly],
  ['read-only is what was asked for', { ...room(ENOSPC), asked: { attributes: { readOnly: true } } }, []],
  ['work is absent', { ...room(ENOSPC), ...alone }, []],
])('in work: %s', (_, changes, expected) => {
  expect(codes(READ_ONLY_RULES, changes)).toEqual(expected);
});

const on = (key: string) => ({ asked: { parameters: [{ key, value: 'on' }] } });
const handleless = { withoutHandles: [root.subject] };
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
  ['a detached mount', { ...on('index'), ...handleless, target: undefined }, ['OPTION_DROPPED index']],
])('options: %s', (_, changes, expected) => {
  expect(codes(DROPPED_RULES, changes)).toEqual(expected);
});
