import { expect, test } from 'vitest';
import { EIO, ENXIO, EPERM, ESTALE, EXDEV } from '../../lib/kernel/errno.ts';
import { codes, DIRECTORY, entry, inLayer } from './run-time-facts.ts';

const empty = Buffer.alloc(0);
const directory = { inLowers: [inLayer('lower', { mode: DIRECTORY })], syscall: 'rename' };

test('a whiteout, and no other device', () => {
  expect(codes(ENXIO, { itself: entry({ mode: 0o020000 }) })).toEqual(['WHITEOUT_OPENED']);
  expect(codes(ENXIO, { itself: entry({ mode: 0o020000, rdev: 1 }) })).toEqual([]);
  expect(codes(EIO, { itself: entry({ mode: 0o020000 }) })).toEqual([]);
});
test('a directory of a lower is renamed, as options and the module have it', () => {
  expect(codes(EXDEV, directory)).toEqual(['REDIRECT_OFF']);
  expect(codes(EXDEV, { ...directory, overlay: { options: { redirectDir: 'follow' } } })).toEqual([
    'REDIRECT_OFF',
  ]);
  expect(codes(EXDEV, { ...directory, overlay: { options: { redirectDir: 'on' } } })).toEqual([]);
  expect(codes(EXDEV, { ...directory, module: { redirectDir: true } })).toEqual([]);
  expect(codes(EXDEV, { ...directory, syscall: 'link' })).toEqual([]);
  expect(codes(EXDEV, { syscall: 'rename' })).toEqual([]);
});
test('a redirect that would be too long', () => {
  const place = Buffer.alloc(256, 'd');
  expect(codes(EXDEV, { ...directory, place, module: { redirectDir: true } })).toEqual(['REDIRECT_TOO_LONG']);
  expect(codes(EXDEV, { ...directory, place, module: { redirectDir: true, redirectMax: 257 } })).toEqual([]);
});
test('a metacopy: off, without data, without a digest', () => {
  const inUpper = inLayer('upper', { metacopy: empty });
  expect(codes(EPERM, { inUpper })).toEqual(['METACOPY_OFF']);
  expect(codes(EPERM, { inUpper, module: { metacopy: true } })).toEqual([]);
  const overlay = { options: { metacopy: true } };
  expect(codes(EIO, { inUpper, overlay })).toEqual([]);
  expect(codes(EIO, { inUpper, overlay, inLowers: [] })).toEqual(['METACOPY_DATA_GONE']);
  const chain = [inLayer('lower', { metacopy: empty }), inLayer('lower')];
  expect(codes(EIO, { overlay, inLowers: chain })).toEqual([]);
  expect(codes(EIO, { overlay, inLowers: chain.slice(0, 1) })).toEqual(['METACOPY_DATA_GONE']);
  const demanding = { options: { metacopy: true, verity: 'require' } } as const;
  expect(codes(EIO, { inUpper, overlay: demanding })).toEqual(['METACOPY_NO_DIGEST']);
  const digest = inLayer('upper', { metacopy: Buffer.alloc(36) });
  expect(codes(EIO, { inUpper: digest, overlay: demanding })).toEqual([]);
  expect(codes(EIO, { overlay: demanding })).toEqual([]);
});
test('a redirect that is not followed', () => {
  const inUpper = inLayer('upper', { mode: DIRECTORY, redirect: Buffer.from('d') });
  expect(codes(EPERM, { inUpper, overlay: { options: { redirectDir: 'nofollow' } } })).toEqual([
    'REDIRECT_NOT_FOLLOWED',
  ]);
  expect(codes(EPERM, { inUpper })).toEqual([]);
});
test('an opaque directory that a user namespace cannot have', () => {
  const caller = { initialUserNamespace: false };
  const inUpper = inLayer('upper', { mode: 0o020000 });
  expect(codes(EIO, { caller, inUpper, syscall: 'mkdir' })).toEqual(['NEEDS_TRUSTED']);
  expect(codes(EIO, { ...directory, caller, syscall: 'rmdir' })).toEqual(['NEEDS_TRUSTED']);
  expect(
    codes(EIO, { ...directory, caller, syscall: 'rmdir', overlay: { options: { userxattr: true } } }),
  ).toEqual([]);
  expect(codes(EIO, { ...directory, syscall: 'rmdir' })).toEqual([]);
  expect(codes(EIO, { caller, syscall: 'mkdir' })).toEqual([]);
});
test('the origin of a copy is gone, where that is checked', () => {
  const gone = { inUpper: inLayer('upper', { origin: empty }), inLowers: [] };
  expect(codes(ESTALE, { ...gone, overlay: { options: { index: true } } })).toEqual(['STALE']);
  expect(codes(ESTALE, { ...gone, overlay: { options: { nfsExport: true } } })).toEqual(['STALE']);
  expect(codes(ESTALE, gone)).toEqual([]);
  expect(codes(ESTALE, { overlay: { options: { index: true } } })).toEqual([]);
});
test('a copied directory, where an index knows the original', () => {
  const copied = entry({ mode: DIRECTORY, origin: empty });
  expect(codes(EIO, { copied, overlay: { options: { index: true } } })).toEqual(['DIRECTORY_COPIED']);
  expect(codes(EIO, { copied })).toEqual([]);
  expect(codes(EIO, { overlay: { options: { index: true } } })).toEqual([]);
});
