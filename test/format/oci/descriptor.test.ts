import { expect, test } from 'vitest';
import { descriptorShape } from '../../../lib/format/oci/descriptor.ts';
import { descriptor } from './documents.ts';

const one = descriptor('text/plain');

test('a descriptor has a media type, a digest and a size, and more', () => {
  expect(() => descriptorShape({ ...one, urls: ['x'], annotations: null }, 'x')).not.toThrow();
});

test.each([
  ['mediaType', /x has no mediaType/],
  ['digest', /x has no digest/],
  ['size', /x has no size/],
])('one without %s is refused', (member, message) => {
  const { [member as keyof typeof one]: _, ...rest } = one;
  expect(() => descriptorShape(rest, 'x')).toThrow(message);
});

test('a digest that is none is refused', () => {
  expect(() => descriptorShape({ ...one, digest: 'sha256:x' }, 'x')).toThrow(/is no digest of sha256/);
});
