import { describe, expect, test } from 'vitest';
import { encodeMountinfoOctal, escapeOptionValue } from '../../lib/format/escape.ts';
import { parseMountinfo, tagsToPropagation } from '../../lib/format/mountinfo.ts';
import { joinLowerdir } from '../../lib/format/option-text.ts';
import { describeOverlay } from '../../lib/format/overlay-description.ts';
import fc from '../support/fast-check.ts';
import { anyBytes, pathBytes } from './arbitrary.ts';
import { RECORDED_MOUNTS } from './recorded-mounts.ts';

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
const TABLE = latin1(
  [
    '22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw',
    '23 22 0:21 / /proc rw,nosuid,nodev,noexec,relatime shared:5 master:2 propagate_from:7 - proc proc rw',
    '24 22 0:40 /sub /m\\040x ro,noatime unbindable - overlay over\\040lay ro,lowerdir=/a:/b,redirect_dir=on',
    '25 22 0:41 / /odd rw - fuse.thing thing rw,note=a b',
    '26 22 0:42 / /late rw,relatime master:9 - overlay  rw,lowerdir=/a,upperdir=/u,workdir=/w',
    'not a line - overlay at all',
    '27 22 0:42 / /cut',
    '',
  ].join('\n'),
);

describe('parseMountinfo', () => {
  test('reads every whole line, and skips the others', () => {
    expect(parseMountinfo(TABLE).map((entry) => entry.id)).toEqual([22, 23, 24, 25, 26]);
  });

  test('reads every field', () => {
    expect(parseMountinfo(TABLE)[2]).toEqual({
      id: 24,
      parentId: 22,
      major: 0,
      minor: 40,
      root: Buffer.from('/sub'),
      target: Buffer.from('/m x'),
      attributes: { readOnly: true, noatime: true },
      propagation: { unbindable: true },
      fsType: 'overlay',
      source: Buffer.from('over lay'),
      superOptions: Buffer.from('ro,lowerdir=/a:/b,redirect_dir=on'),
    });
  });

  test('reads the propagation tags', () => {
    const tags = parseMountinfo(TABLE).map((entry) => entry.propagation);
    expect(tags[1]).toEqual({ shared: 5, master: 2, propagateFrom: 7 });
    expect(tags.map(tagsToPropagation)).toEqual(['shared', 'shared', 'unbindable', 'private', 'slave']);
  });

  test('reads an empty source and bare spaces in the options', () => {
    const [, , , odd, late] = parseMountinfo(TABLE);
    expect(odd!.superOptions.toString()).toBe('rw,note=a b');
    expect(late!.source.toString()).toBe('');
    expect(late!.superOptions.toString()).toBe('rw,lowerdir=/a,upperdir=/u,workdir=/w');
  });

  test('finds one type only when asked to', () => {
    expect(parseMountinfo(TABLE, 'overlay').map((entry) => entry.id)).toEqual([24, 26]);
    expect(parseMountinfo(TABLE, 'fuse.thing').map((entry) => entry.id)).toEqual([25]);
    expect(parseMountinfo(TABLE, 'over')).toEqual([]);
  });

  test('does not need the last newline, nor any line', () => {
    expect(parseMountinfo(latin1('24 22 0:40 / /m rw - overlay o rw,lowerdir=/a'))).toHaveLength(1);
    expect(parseMountinfo(latin1(''))).toEqual([]);
  });

  test('finds the overlays among thousands of mounts', () => {
    const plain = latin1(
      '31 22 0:50 / /run/some/where rw,nosuid,nodev shared:9 - tmpfs tmpfs rw,size=1024k\n',
    );
    const table = Buffer.concat([...Array.from({ length: 5000 }, () => plain), TABLE]);
    expect(parseMountinfo(table, 'overlay')).toEqual(parseMountinfo(TABLE, 'overlay'));
    expect(parseMountinfo(table)).toHaveLength(5005);
  });

  test('reads any bytes without throwing', () => {
    fc.assert(fc.property(anyBytes, (text) => void parseMountinfo(text)));
    const cut = fc
      .nat(TABLE.length)
      .chain((at) => anyBytes.map((noise) => Buffer.concat([TABLE.subarray(0, at), noise])));
    fc.assert(
      fc.property(cut, (text) => {
        for (const entry of parseMountinfo(text, 'overlay')) describeOverlay(entry.superOptions);
      }),
    );
  });

  test('gives targets back, whatever their bytes', () => {
    fc.assert(
      fc.property(pathBytes, pathBytes, (target, source) => {
        const line = Buffer.concat([
          latin1('1 1 0:1 / '),
          encodeMountinfoOctal(target),
          latin1(' rw - overlay '),
          encodeMountinfoOctal(source),
          latin1(' rw\n'),
        ]);
        const [entry] = parseMountinfo(line, 'overlay');
        expect([entry!.target, entry!.source]).toEqual([target, source]);
      }),
    );
  });
});

describe('describeOverlay', () => {
  test('reads layers given as descriptors, whose names are shown as they are', () => {
    const [entry] = parseMountinfo(RECORDED_MOUNTS[0]!.mountinfo);
    expect(entry!.target).toEqual(latin1('/tmp/ov/m \\\n\t,#\xff'));
    expect(entry!.source).toEqual(latin1('sr c\\x,\n#\xff:'));
    expect(describeOverlay(entry!.superOptions)).toEqual({
      lower: ['l', 'l:2', 'l,3', 'l\\4', 'l 5\n#\xff"='].map((name) => latin1(`/tmp/ov/${name}`)),
      data: [latin1('/tmp/ov/d:2')],
      upper: latin1('/tmp/ov/u\\\\,: \n\xff#'),
      otherUpper: latin1('/tmp/ov/u\\,: \n\xff#'),
      work: latin1('/tmp/ov/w\\'),
      otherWork: latin1('/tmp/ov/w'),
      options: { uuid: 'on' },
      readOnly: false,
    });
  });

  test('reads layers given as text, whose names are shown with their escapes', () => {
    const [entry] = parseMountinfo(RECORDED_MOUNTS[1]!.mountinfo);
    expect(describeOverlay(entry!.superOptions)).toEqual({
      lower: ['l:2', 'l,3', 'l\\4'].map((name) => latin1(`/tmp/ov/${name}`)),
      data: [latin1('/tmp/ov/d:2')],
      upper: latin1('/tmp/ov/u\\\\,: \n\xff#'),
      otherUpper: latin1('/tmp/ov/u\\\\\\\\\\,\\: \n\xff#'),
      work: latin1('/tmp/ov/w\\'),
      otherWork: latin1('/tmp/ov/w\\\\'),
      options: {
        defaultPermissions: true,
        redirectDir: 'nofollow',
        uuid: 'on',
        volatile: true,
        userxattr: true,
        verity: 'on',
      },
      readOnly: false,
    });
  });

  test('keeps flags of the filesystem and labels of security modules', () => {
    const shown = latin1('ro,sync,seclabel,context="a:b:c1,c2",lowerdir=/a:/b');
    expect(describeOverlay(shown)).toEqual({
      lower: [latin1('/a'), latin1('/b')],
      data: [],
      options: { raw: { sync: true, seclabel: true, context: 'a:b:c1,c2' } },
      readOnly: true,
    });
  });

  test('takes a list that no kernel would show for one name', () => {
    expect(describeOverlay(latin1('rw,lowerdir=/a:')).lower).toEqual([latin1('/a:')]);
  });

  test('undoes what the kernel does to text, whatever the bytes', () => {
    const layers = fc.array(pathBytes, { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(layers, fc.array(pathBytes, { maxLength: 2 }), pathBytes, (lower, data, upper) => {
        const text = Buffer.concat([
          latin1('rw,lowerdir='),
          encodeMountinfoOctal(joinLowerdir(lower, data)),
          latin1(',upperdir='),
          encodeMountinfoOctal(escapeOptionValue(upper)),
        ]);
        const shown = describeOverlay(text);
        expect([shown.lower, shown.data, shown.upper]).toEqual([lower, data, upper]);
      }),
    );
  });
});
