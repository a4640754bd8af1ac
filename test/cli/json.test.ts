import { expect, test } from 'vitest';
import { toJson } from '../../lib/cli/json.ts';

test('bytes are base64 in an object, large numbers text, the rest as it is', () => {
  const value = {
    path: Buffer.from([0x2f, 0xff]),
    in: [new Uint8Array([1])],
    id: 2n ** 60n,
    text: 'a',
    none: null,
  };
  expect(JSON.parse(toJson(value))).toEqual({
    path: { bytes: 'L/8=' },
    in: [{ bytes: 'AQ==' }],
    id: '1152921504606846976',
    text: 'a',
    none: null,
  });
});
