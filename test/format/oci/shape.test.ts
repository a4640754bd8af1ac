import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../lib/format/format-error.ts';
import {
  exactly,
  flag,
  listOf,
  mapOf,
  object,
  parseDocument,
  type Shape,
  size,
  text,
} from '../../../lib/format/oci/shape.ts';
import fc from '../../support/fast-check.ts';

const shape = object(
  { name: text, sizes: listOf(size) },
  { labels: mapOf(text), on: flag, version: exactly(2) },
);
const parse = (json: string, of: Shape = shape) => parseDocument(Buffer.from(json), 'thing', of);

test('a document of the shape is given as it is, with members that the shape does not know', () => {
  const document = {
    name: 'n',
    sizes: [0, 5],
    labels: { a: 'b' },
    on: true,
    version: 2,
    more: { x: [null] },
  };
  expect(parse(JSON.stringify(document))).toEqual(document);
});

test('what may be absent may be null, as Go writes it', () => {
  expect(parse('{"name":"n","sizes":[],"labels":null,"on":null}')).toMatchObject({ name: 'n' });
});

describe('problems name the place', () => {
  test.each([
    ['{', 'thing is no JSON in UTF-8'],
    ['[]', 'thing is no object'],
    ['null', 'thing is no object'],
    ['{"sizes":[]}', 'thing has no name'],
    ['{"name":null,"sizes":[]}', 'thing.name is no string'],
    ['{"name":"n","sizes":{}}', 'thing.sizes is no list'],
    ['{"name":"n","sizes":[1,-1]}', 'thing.sizes[1] is no size'],
    ['{"name":"n","sizes":[1.5]}', 'thing.sizes[0] is no size'],
    ['{"name":"n","sizes":[9007199254740993]}', 'thing.sizes[0] is no size'],
    ['{"name":"n","sizes":[],"labels":[]}', 'thing.labels is no object'],
    ['{"name":"n","sizes":[],"labels":{"a b":1}}', 'thing.labels["a b"] is no string'],
    ['{"name":"n","sizes":[],"on":"yes"}', 'thing.on is neither true nor false'],
    ['{"name":"n","sizes":[],"version":1}', 'thing.version is not 2'],
    ['{"__proto__":{"name":"n"},"sizes":[]}', 'thing has no name'],
  ])('%s', (json, message) => {
    expect(() => parse(json)).toThrow(
      expect.objectContaining({ code: 'ERR_OVERLAY_IMAGE_DOCUMENT', message }),
    );
  });
});

test('bytes that are no UTF-8 are refused', () => {
  expect(() => parseDocument(Buffer.from('{"name":"\xff","sizes":[]}', 'latin1'), 'thing', shape)).toThrow(
    'thing is no JSON in UTF-8',
  );
});

test('any JSON is of the shape or a typed problem', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      try {
        parse(json);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
      }
    }),
  );
});
