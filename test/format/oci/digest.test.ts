import { expect, test } from 'vitest';
import { blobPath, chainIds, digestOf, digestShape, parseDigest } from '../../../lib/format/oci/digest.ts';

const EMPTY = 'sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

test('a digest is an algorithm and its digits', () => {
  expect(digestOf(Buffer.alloc(0))).toBe(EMPTY);
  expect(parseDigest(EMPTY)).toEqual({ algorithm: 'sha256', hex: EMPTY.slice(7) });
  expect(blobPath(`sha512:${'0'.repeat(128)}`)).toBe(`blobs/sha512/${'0'.repeat(128)}`);
});

test.each([
  ['', 'is no digest'],
  ['sha256', 'is no digest'],
  [`sha256:${'0'.repeat(63)}`, 'is no digest of sha256'],
  [EMPTY.toUpperCase().replace('SHA256', 'sha256'), 'is no digest of sha256'],
  [`sha256:${'z'.repeat(64)}`, 'is no digest of sha256'],
  ['sha256:../../../etc/passwd', 'is no digest'],
  [`md5:${'0'.repeat(32)}`, 'algorithm that is not known'],
  [`constructor:${'0'.repeat(32)}`, 'algorithm that is not known'],
  [`${EMPTY}\n`, 'is no digest'],
])('%j is refused', (digest, message) => {
  expect(() => parseDigest(digest)).toThrow(message);
  expect(() => digestShape(digest, 'x')).toThrow(
    expect.objectContaining({ code: 'ERR_OVERLAY_IMAGE_DIGEST' }),
  );
});

test('what is no text is no digest', () => {
  expect(() => digestShape(5, 'manifest.digest')).toThrow('manifest.digest is no string');
});

// The expected one is of sha256sum(1).
test('chain IDs are of a layer and all below it', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((text) => digestOf(Buffer.from(text)));
  const ab = digestOf(Buffer.from(`${a} ${b}`));
  expect(chainIds([a!, b!, c!])).toEqual([a, ab, digestOf(Buffer.from(`${ab} ${c}`))]);
  expect(ab).toBe('sha256:51c0c8ace48498d6f5fee6b0592cc06f2da0f3cbe09c5a34a97dce85c3889676');
  expect(chainIds([])).toEqual([]);
});
