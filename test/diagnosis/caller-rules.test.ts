import { expect, test } from 'vitest';
import { CALLER_RULES } from '../../lib/diagnosis/caller-rules.ts';
import { type Changes, codes } from './facts.ts';

const root = { uid: 0, capSysAdmin: true, initialUserNamespace: true };
const data = { option: 'data', index: 0, path: '/d', absolute: '/d' };
const metacopy = { parameters: [{ key: 'metacopy', value: 'on' }] };
const inNamespace = { caller: { ...root, initialUserNamespace: false } };
const redirects = (value: string) => ({ parameters: [{ key: 'redirect_dir', value }] });
const NEEDS_TRUSTED = ['NEEDS_TRUSTED redirect_dir'];

test.each<[string, Changes, string[]]>([
  ['a privileged caller', { caller: root, asked: metacopy }, []],
  ['no CAP_SYS_ADMIN', { caller: { ...root, capSysAdmin: false } }, ['NO_PRIVILEGE']],
  ['nothing known of the caller', { caller: { ...root, capSysAdmin: undefined } }, []],
  [
    'trusted attributes in a user namespace',
    { caller: { ...root, initialUserNamespace: false }, asked: metacopy },
    ['NEEDS_TRUSTED metacopy'],
  ],
  [
    'data layers in a user namespace',
    { caller: { ...root, initialUserNamespace: false }, asked: { data: [data] } },
    ['NEEDS_TRUSTED data 0'],
  ],
  [
    'data layers in a user namespace, with userxattr',
    {
      caller: { ...root, initialUserNamespace: false },
      asked: { data: [data], parameters: [{ key: 'userxattr' }] },
    },
    [],
  ],
  ['redirects followed in a user namespace', { ...inNamespace, asked: redirects('follow') }, NEEDS_TRUSTED],
  ['redirects off', { ...inNamespace, asked: redirects('off') }, []],
  [
    'redirects off where that means followed',
    { ...inNamespace, asked: redirects('off'), followsAlways: true },
    NEEDS_TRUSTED,
  ],
  [
    'verity with userxattr',
    { ...inNamespace, asked: { parameters: [{ key: 'verity', value: 'on' }, { key: 'userxattr' }] } },
    [],
  ],
  ['a user namespace alone', { caller: { ...root, initialUserNamespace: false } }, []],
])('%s', (_, changes, expected) => {
  expect(codes(CALLER_RULES, changes)).toEqual(expected);
});
