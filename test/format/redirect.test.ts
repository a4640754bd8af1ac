// Redirects: absolute and of a sibling, and every way in which one can be wrong.

import { expect, test } from 'vitest';
import { decodeRedirect, encodeRedirect, leadsElsewhere } from '../../lib/format/redirect.ts';
import fc from '../support/fast-check.ts';
import { anyBytes, pathBytes } from './arbitrary.ts';

const decode = (text: string) => decodeRedirect(Buffer.from(text, 'latin1'));

test('an absolute path, or the name of a sibling', () => {
  expect(decode('/a/b c/\xff')).toEqual({ absolute: true, names: ['a', 'b c', '\xff'] });
  expect(decode('old\nname')).toEqual({ absolute: false, names: ['old\nname'] });
  expect(decode('name\0more/of/it')).toEqual({ absolute: false, names: ['name'] });
});

test.each(['', '/', '//a', '/a/', '/a//b', 'a/b', 'a/'])('the kernel refuses %j with EINVAL', (text) => {
  expect(decode(text)).toMatchObject({ invalid: expect.any(String) });
});

test.each(['.', '..', '/..', '/a/../b', '/a/.', '\0'])('%j has a name that leads elsewhere', (text) => {
  const read = decode(text);
  expect('names' in read && read.names.some(leadsElsewhere)).toBe(true);
});

test('any bytes are a redirect that is written as it was read, or are refused', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        anyBytes,
        pathBytes,
        pathBytes.map((p) => Buffer.concat([Buffer.from('/'), p])),
      ),
      (bytes) => {
        const read = decodeRedirect(bytes);
        if ('invalid' in read) return;
        expect(read.names.every((name) => !name.includes('/'))).toBe(true);
        const nul = bytes.indexOf(0);
        expect(encodeRedirect(read)).toEqual(nul < 0 ? bytes : bytes.subarray(0, nul));
      },
    ),
    { numRuns: 1000 },
  );
});
