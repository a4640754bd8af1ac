import { expect, test } from 'vitest';
import { applyRunTimeRules } from '../../lib/diagnosis/run-time-rules.ts';
import { EACCES, EOVERFLOW, EPERM } from '../../lib/kernel/errno.ts';
import { codes, DIRECTORY, inLayer, looked, runTimeFacts } from './run-time-facts.ts';

const inside = { initialUserNamespace: false };
const strange = { inLowers: [inLayer('lower', { uid: 65534 })] };

test('immutable and append-only, itself or its directory, as the top layer has it', () => {
  const fixed = [inLayer('lower', { attributes: 0x10 })];
  expect(codes(EPERM, { inLowers: fixed })).toEqual(['IMMUTABLE']);
  expect(codes(EPERM, { parents: fixed })).toEqual(['IMMUTABLE']);
  expect(codes(EPERM, { inUpper: inLayer('upper'), inLowers: fixed })).toEqual([]);
  expect(codes(EPERM)).toEqual([]);
  const [finding] = applyRunTimeRules(
    runTimeFacts(EPERM, { inLowers: [inLayer('lower', { attributes: 0x20 })] }),
  );
  expect(finding).toMatchObject({ hint: expect.stringContaining('chattr -a') });
});
test.each([EOVERFLOW, EACCES, EPERM])('an owner that is not mapped: errno %i', (errno) => {
  expect(codes(errno, { ...strange, caller: inside })).toEqual(['UNMAPPED_OWNER']);
  expect(codes(errno, strange)).toEqual([]);
  expect(codes(errno, { caller: inside })).toEqual([]);
});
test('a lower that is closed', () => {
  const closed = { lowers: [looked('lower', { uid: 65534, mode: 0o040700 })], inLowers: [] };
  expect(codes(EACCES, { ...closed, caller: inside })).toEqual(['LAYER_CLOSED']);
  expect(codes(EACCES, closed)).toEqual([]);
  const open = [looked('lower', { uid: 65534, mode: DIRECTORY })];
  expect(codes(EACCES, { lowers: open, inLowers: [], caller: inside })).toEqual([]);
});
