// The option text for mount(2): escaped so that the kernel reads every layer back as it was meant.

import { expect, test } from 'vitest';
import { splitLowerdir, splitOptionText } from '../../lib/format/option-text.ts';
import { MOUNT_DATA_LIMIT, mountData } from '../../lib/mount/plan-mount.ts';
import { readSpec } from '../../lib/mount/spec.ts';
import fc from '../support/fast-check.ts';

const textOf = (spec: object): string => {
  const request = readSpec(spec);
  return mountData(request, request.lower).toString();
};

test('escapes what the kernel splits at, each layer in its way', () => {
  expect(textOf({ lower: ['/a:b,c\\d', '/e'], upper: '/u:,\\', work: '/w' })).toBe(
    'lowerdir=/a\\:b\\,c\\\\d:/e,upperdir=/u:\\,\\\\,workdir=/w',
  );
});
test('puts data-only layers behind double colons', () => {
  expect(textOf({ lower: '/l', data: ['/d', '/e:f'] })).toBe('lowerdir=/l::/d::/e\\:f');
});
test('names descriptors by their number', () => {
  expect(textOf({ lower: [{ fd: 4 }, '/b'] })).toBe('lowerdir=/proc/self/fd/4:/b');
});
test('puts the options first, as the new mount API gets them, flags bare and values escaped', () => {
  const options = { index: true, userxattr: true, raw: { new: 'a,b', bare: true } };
  expect(textOf({ lower: '/l', upper: '/u', work: '/w', options })).toBe(
    'index=on,userxattr,new=a\\,b,bare,lowerdir=/l,upperdir=/u,workdir=/w',
  );
});
test('is read back as it was meant, whatever bytes the paths have', () => {
  const path = fc
    .uint8Array({ minLength: 1, maxLength: 30, min: 1 })
    .map((bytes) => Buffer.concat([Buffer.from('/'), bytes]));
  fc.assert(
    fc.property(fc.array(path, { minLength: 1, maxLength: 4 }), path, path, (lower, upper, work) => {
      const request = readSpec({ lower, upper, work });
      const words = splitOptionText(mountData(request, request.lower));
      expect(words.map(({ key }) => key)).toEqual(['lowerdir', 'upperdir', 'workdir']);
      expect(splitLowerdir(words[0]!.value as Uint8Array)).toEqual({ lower, data: [] });
    }),
  );
});
test('knows the size of a page, less the NUL', () => {
  expect(MOUNT_DATA_LIMIT).toBe(4095);
});
