import { describe, expect, test } from 'vitest';
import { parseOptions } from '../../lib/format/parse-options.ts';
import fc from '../support/fast-check.ts';
import { anyBytes } from './arbitrary.ts';

describe('reads', () => {
  test.each<[string, object]>([
    ['', {}],
    ['lowerdir=/a:/b,upperdir=/u,workdir=/w', { lower: ['/a', '/b'], upper: '/u', work: '/w' }],
    ['lowerdir=/a::/d', { lower: ['/a'], data: ['/d'] }],
    ['lowerdir+=/a:b,lowerdir+=/c\\,d,datadir+=/e', { lower: ['/a:b', '/c\\,d'], data: ['/e'] }],
    ['lowerdir=/a\\:b,upperdir=/u\\,v\\\\', { lower: ['/a:b'], upper: '/u,v\\' }],
    [
      'index=on,redirect_dir=nofollow,volatile',
      { options: { index: true, redirectDir: 'nofollow', volatile: true } },
    ],
    ['fsync=volatile', { options: { volatile: true } }],
    ['nooverride_creds,xino=auto', { options: { overrideCreds: false, xino: 'auto' } }],
    ['future=a=b,word,lazytime', { options: { raw: { future: 'a=b', word: true, lazytime: true } } }],
    ['context="a:b:c1,c2"', { options: { raw: { context: 'a:b:c1,c2' } } }],
    ['ro,nosuid,noatime', { attributes: { readOnly: true, nosuid: true, noatime: true } }],
    ['ro,rw,noatime,relatime', { attributes: { readOnly: false, relatime: true } }],
    ['rslave', { propagation: 'slave' }],
    ['remount,ro', { remount: true, attributes: { readOnly: true } }],
    [
      'defaults,_netdev,x-systemd.automount,X-mount.mkdir=0755,comment=a\\,b,nofail,noauto',
      {
        ignored: [
          'defaults',
          '_netdev',
          'x-systemd.automount',
          'X-mount.mkdir=0755',
          'comment=a\\,b',
          'nofail',
          'noauto',
        ],
      },
    ],
    ['user', { ignored: ['user'], attributes: { nosuid: true, nodev: true, noexec: true } }],
    ['owner,suid', { ignored: ['owner'], attributes: { nosuid: false, nodev: true } }],
    [
      'lowerdir=A:B,upperdir=U,workdir=W,,volatile',
      {
        lower: ['A', 'B'],
        upper: 'U',
        work: 'W',
        options: { volatile: true },
      },
    ],
    ['index=on,index=on', { options: { index: true } }],
  ])('%s', (text, parts) => {
    expect(parseOptions(text)).toEqual(parts);
    expect(parseOptions(Buffer.from(text))).toEqual(parts);
  });

  test('bytes that are no UTF-8 as a Buffer', () => {
    const text = Buffer.from('lowerdir=/a\xff:/b,upperdir=/u\xfe', 'latin1');
    expect(parseOptions(text)).toEqual({
      lower: [Buffer.from('/a\xff', 'latin1'), '/b'],
      upper: Buffer.from('/u\xfe', 'latin1'),
    });
  });
});

describe('refuses', () => {
  test.each([
    ['lowerdir=/a,lowerdir=/b', 'lower'],
    ['upperdir=/a,upperdir=/a', 'upper'],
    ['workdir=/a,workdir=/b', 'work'],
    ['lowerdir=/a,lowerdir+=/b', 'lower'],
    ['lowerdir+=/a,lowerdir=/b', 'lower'],
    ['lowerdir=/a,datadir+=/b', 'lower'],
    ['datadir+=/d,lowerdir+=/a', 'lower'],
    ['lowerdir', 'lower'],
    ['lowerdir=', 'lower'],
    ['upperdir=', 'upper'],
    ['upperdir', 'upper'],
    ['lowerdir=/a:', 'lower'],
    ['index=maybe', 'index'],
    ['index', 'index'],
    ['volatile=on', 'volatile'],
    ['override_creds=on', 'overrideCreds'],
    ['index=on,index=off', 'index'],
    ['override_creds,nooverride_creds', 'overrideCreds'],
    ['future=1,future=2', 'raw.future'],
    ['ro=recursive', 'ro'],
    ['lowerdir=/a, ro', 'ro'],
    ['lowerdir=/a,ro\n', 'ro'],
    ['bind', 'bind'],
    ['upperdir=/a\0', 'options'],
  ])('%j', (text, option) => {
    expect(() => parseOptions(text)).toThrow(
      expect.objectContaining({
        name: 'FormatError',
        code: 'ERR_OVERLAY_OPTION_TEXT',
        option,
        hint: expect.stringMatching(/./),
      }),
    );
  });

  test('a value that an option does not take, with those that it does', () => {
    for (const [text, message, hint] of [
      ['index=yes', 'index with the value "yes", which it does not take', 'write index=on or index=off'],
      ['metacopy', 'metacopy has no value', 'write metacopy=on or metacopy=off'],
      ['userxattr=on', 'userxattr with the value "on", which it does not take', 'write userxattr'],
    ] as const)
      expect(() => parseOptions(text)).toThrow(expect.objectContaining({ message, hint }));
  });

  test('a value of an unknown option that is no UTF-8', () => {
    expect(() => parseOptions(Buffer.from('future=\xff', 'latin1'))).toThrow(/UTF-8/);
  });

  test('by FormatError only, whatever the bytes', () => {
    fc.assert(
      fc.property(anyBytes, fc.constantFrom('', 'lowerdir=', 'upperdir=', 'context="'), (bytes, before) => {
        try {
          parseOptions(Buffer.concat([Buffer.from(before), bytes]));
        } catch (error) {
          expect(error).toMatchObject({ name: 'FormatError' });
        }
      }),
    );
  });
});
