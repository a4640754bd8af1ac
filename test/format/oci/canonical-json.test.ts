import { expect, test } from 'vitest';
import { formatCanonicalJson } from '../../../lib/format/oci/canonical-json.ts';
import fc from '../../support/fast-check.ts';

test('members are sorted, numbers among them as text, and nothing is between', () => {
  const value = { b: [1, { y: true, x: null }], a: '<é"\n>', '10': 1, '9': 2, gone: undefined };
  expect(formatCanonicalJson(value).toString()).toBe(
    '{"10":1,"9":2,"a":"<é\\"\\n>","b":[1,{"x":null,"y":true}]}',
  );
});

test('means the same, whatever the order of members was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const bytes = formatCanonicalJson(value);
      expect(JSON.parse(bytes.toString())).toEqual(JSON.parse(JSON.stringify(value)));
      expect(formatCanonicalJson(reversed(value))).toEqual(bytes);
    }),
  );
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value)
    .reverse()
    .map(([key, member]) => [key, reversed(member)]);
  return Object.fromEntries(members);
}
