import { expect, test } from 'vitest';
import { applyRunTimeRules } from '../../lib/diagnosis/run-time-rules.ts';
import { EDQUOT, ENOENT, ENOSPC, EROFS } from '../../lib/kernel/errno.ts';
import { codes, inLayer, layers, looked, runTimeFacts } from './run-time-facts.ts';

test('read-only: no upper, its filesystem, the mount, the overlay', () => {
  expect(codes(EROFS)).toEqual([]);
  expect(codes(EROFS, { overlay: { upper: undefined }, upper: undefined })).toEqual(['READ_ONLY_VIEW']);
  expect(codes(EROFS, { upper: looked('upper', { superOptions: 'ro,errors=remount-ro' }) })).toEqual([
    'UPPER_READ_ONLY',
  ]);
  expect(codes(EROFS, { overlay: { attributes: { readOnly: true } } })).toEqual(['READ_ONLY_MOUNT']);
  expect(codes(EROFS, { overlay: { readOnly: true } })).toEqual(['READ_ONLY']);
});
test('no room: full, no inodes, a copy-up that does not fit', () => {
  expect(codes(ENOSPC)).toEqual([]);
  expect(codes(ENOSPC, { upper: looked('upper', { available: 0 }) })).toEqual(['NO_SPACE']);
  expect(codes(ENOSPC, { upper: looked('upper', { filesFree: 0 }) })).toEqual(['NO_SPACE']);
  expect(codes(ENOSPC, { syscall: 'watch', upper: looked('upper', { available: 0 }) })).toEqual([]);
  const large = {
    inLowers: [inLayer('lower', { size: 4096 * 200 })],
    upper: looked('upper', { available: 100 }),
  };
  const [finding] = applyRunTimeRules(runTimeFacts(ENOSPC, large));
  expect(finding).toMatchObject({ code: 'ERR_OVERLAY_NO_SPACE', option: 'upper', path: '/m/d/f' });
  expect(finding!.sentence).toContain('400 KiB');
  expect(finding!.hint).toContain('metacopy');
  expect(codes(ENOSPC, { ...large, inUpper: inLayer('upper') })).toEqual([]);
});
test('a quota', () => {
  expect(codes(EDQUOT)).toEqual([]);
  expect(codes(EDQUOT, { upper: looked('upper', { superOptions: 'rw,usrquota' }) })).toEqual(['QUOTA']);
  expect(codes(EDQUOT, { upper: undefined })).toEqual([]);
});
test('an upper that has been removed', () => {
  const gone = { upper: { subject: layers.upper, errno: ENOENT }, syscall: 'mkdir' };
  expect(codes(ENOENT, gone)).toEqual(['UPPER_REMOVED']);
  expect(codes(ENOENT, { ...gone, upper: looked('upper', { links: 0 }) })).toEqual(['UPPER_REMOVED']);
  expect(codes(ENOENT, { ...gone, syscall: 'open' })).toEqual([]);
  expect(codes(ENOENT, { ...gone, parents: [] })).toEqual([]);
  expect(codes(ENOENT, { syscall: 'mkdir' })).toEqual([]);
});
