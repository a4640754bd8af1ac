import { describe, expect, test } from 'vitest';
import { fsmountBitsToAttributes } from '../../lib/format/attributes.ts';
import { parseMountinfo, tagsToPropagation } from '../../lib/format/mountinfo.ts';
import { describeOverlay } from '../../lib/format/overlay-description.ts';
import {
  decodeListmount,
  decodeStatmount,
  encodeMntIdReq,
  flagsToPropagation,
  HOST_IS_LITTLE_ENDIAN,
  LSMT_ROOT,
  STATMOUNT_MNT_BASIC,
  STATMOUNT_OVERLAY,
} from '../../lib/format/statmount.ts';
import fc from '../support/fast-check.ts';
import { RECORDED_MOUNTS } from './recorded-mounts.ts';

describe('encodeMntIdReq', () => {
  test('writes the structure of either size, in either byte order', () => {
    expect(Buffer.from(encodeMntIdReq(0x80000048n, 0x2ffn, undefined, true)).toString('hex')).toBe(
      '180000000000000048000080000000'.padEnd(32, '0') + 'ff02'.padEnd(16, '0'),
    );
    expect(Buffer.from(encodeMntIdReq(LSMT_ROOT, 0n, 7n, false)).toString('hex')).toBe(
      `00000020${'00000000'}${'f'.repeat(16)}${'0'.repeat(16)}${'7'.padStart(16, '0')}`,
    );
  });

  test("takes the host's byte order when none is given", () => {
    expect(encodeMntIdReq(1n, 2n)).toEqual(encodeMntIdReq(1n, 2n, undefined, HOST_IS_LITTLE_ENDIAN));
  });
});

test('decodeListmount reads as many ids as the call returned', () => {
  const ids = Buffer.from(new BigUint64Array([0x80000001n, 0x80000002n, 0n]).buffer);
  expect(decodeListmount(ids, 2)).toEqual([0x80000001n, 0x80000002n]);
  expect(decodeListmount(ids.swap64(), 1, !HOST_IS_LITTLE_ENDIAN)).toEqual([0x80000001n]);
});

describe('decodeStatmount', () => {
  test('reads a recorded answer', () => {
    const { mask, ...mount } = decodeStatmount(RECORDED_MOUNTS[0]!.statmount, true);
    expect(mask).toBe(STATMOUNT_OVERLAY);
    expect(mount).toEqual({
      major: 0,
      minor: 40,
      sbMagic: 0x794c7630,
      sbFlags: 0,
      mntId: 0x8065b4f5n,
      parentId: 0x8065b4edn,
      oldMntId: 71,
      oldParentId: 63,
      attributes: 0x20009e,
      propagation: 0x40000n,
      peerGroup: 0n,
      master: 0n,
      propagateFrom: 0n,
      namespaceId: 4111n,
      fsType: 'overlay',
      root: Buffer.from('/'),
      target: Buffer.from('/tmp/ov/m \\\n\t,#\xff', 'latin1'),
      source: Buffer.from('sr c\\x,\n#\xff:', 'latin1'),
      superOptions: expect.any(Buffer),
    });
  });

  test.each(RECORDED_MOUNTS.map((mount) => [mount.how, mount] as const))(
    'says what mountinfo says: %s',
    (_, recorded) => {
      const mount = decodeStatmount(recorded.statmount, true);
      const [entry] = parseMountinfo(recorded.mountinfo);
      expect(describeOverlay(mount.superOptions!, mount.sbFlags)).toEqual(
        describeOverlay(entry!.superOptions),
      );
      expect(fsmountBitsToAttributes(mount.attributes)).toEqual(entry!.attributes);
      expect(flagsToPropagation(mount.propagation)).toBe(tagsToPropagation(entry!.propagation));
      for (const field of ['root', 'target', 'source', 'fsType', 'major', 'minor'] as const) {
        expect(mount[field]).toEqual(entry![field]);
      }
      expect([mount.oldMntId, mount.oldParentId]).toEqual([entry!.id, entry!.parentId]);
    },
  );

  test('leaves out strings that the mask does not promise', () => {
    const bytes = Buffer.from(RECORDED_MOUNTS[0]!.statmount);
    bytes.writeBigUInt64LE(BigInt(STATMOUNT_MNT_BASIC), 8);
    const mount = decodeStatmount(bytes, true);
    expect(mount).not.toHaveProperty('superOptions');
    expect(mount).not.toHaveProperty('source');
    expect(mount.oldMntId).toBe(71);
  });

  test('reads a view of a larger buffer', () => {
    const recorded = RECORDED_MOUNTS[1]!.statmount;
    const large = new Uint8Array(4096).fill(0xaa);
    large.set(recorded, 24);
    expect(decodeStatmount(large.subarray(24), true)).toEqual(decodeStatmount(recorded, true));
  });

  test('refuses a buffer that ends too early', () => {
    const refused = expect.objectContaining({ name: 'FormatError', code: 'ERR_OVERLAY_KERNEL_TEXT' });
    expect(() => decodeStatmount(new Uint8Array(100))).toThrow(refused);
    expect(() => decodeStatmount(RECORDED_MOUNTS[0]!.statmount.subarray(0, 600), true)).toThrow(refused);
    expect(() => decodeStatmount(new Uint8Array(1000))).toThrow(refused);
  });

  test('reads numbers of the other byte order', () => {
    const answer = new DataView(new ArrayBuffer(512));
    answer.setUint32(0, 512, false);
    answer.setBigUint64(8, 3n, false);
    answer.setBigUint64(40, 0x80000001n, false);
    answer.setUint32(56, 71, false);
    expect(decodeStatmount(new Uint8Array(answer.buffer), false)).toMatchObject({
      mask: 3,
      mntId: 0x80000001n,
      oldMntId: 71,
    });
  });

  test('never reads outside the answer, whatever the offsets', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 512, maxLength: 700 }), (bytes) => {
        new DataView(bytes.buffer).setUint32(0, bytes.length, true);
        decodeStatmount(bytes, true);
      }),
    );
  });
});

test('flagsToPropagation names the kind', () => {
  expect([0x40000n, 0x80000n, 0x100000n, 0x180000n, 0x20000n, 0n].map(flagsToPropagation)).toEqual([
    'private',
    'slave',
    'shared',
    'shared',
    'unbindable',
    'private',
  ]);
});
