import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { applyRunTimeRules, RUN_TIME_RULES } from '../../lib/diagnosis/run-time-rules.ts';
import { ELOOP, ENOSPC, ENXIO, EPERM, EROFS, ETXTBSY, EXDEV } from '../../lib/kernel/errno.ts';
import { codes, entry, inLayer, layers, looked, runTimeFacts } from './run-time-facts.ts';

test('nothing is said of an error whose facts are in order, whatever its errno', () => {
  for (let errno = 1; errno < 134; errno++) expect([errno, codes(errno)]).toEqual([errno, []]);
});
test('each code is in one rule, and documented', () => {
  const all = RUN_TIME_RULES.map(({ code }) => code);
  expect(new Set(all).size).toBe(all.length);
  const documented = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  for (const code of all) expect(documented).toContain(`\`${code}\``);
});
test('two mounts', () => {
  expect(codes(EXDEV, { acrossMounts: true, dest: '/other/f', syscall: 'rename' })).toEqual([
    'ACROSS_MOUNTS',
  ]);
});
test('two subvolumes', () => {
  expect(codes(EXDEV, { work: looked('work', { minor: 2 }) })).toEqual(['WORK_ON_OTHER_SUBVOLUME']);
  expect(codes(EXDEV, { work: looked('work', { minor: 2 }), inLowers: [] })).toEqual([]);
});
test('a running program', () => {
  const runners = [{ pid: 7, command: 'nap' }];
  const [finding] = applyRunTimeRules(runTimeFacts(ETXTBSY, { runners }));
  expect(finding).toMatchObject({ code: 'ERR_OVERLAY_PROGRAM_RUNS', path: '/m/d/f' });
  expect(finding!.sentence).toContain('process 7 (nap)');
});
test('into the own upper, and links in a circle', () => {
  const trap = { layer: layers.lower, inside: layers.upper };
  const [finding] = applyRunTimeRules(runTimeFacts(ELOOP, { trap }));
  expect(finding).toMatchObject({ code: 'ERR_OVERLAY_LAYERS_OVERLAP', option: 'upper', path: '/u' });
  const loop = Buffer.from('/m/d');
  expect(codes(ELOOP, { loop })).toEqual(['SYMLINK_LOOP']);
  expect(codes(ELOOP, { loop, overlay: { attributes: { nosymfollow: true } } })).toEqual(['NOSYMFOLLOW']);
});
test('a whiteout made by hand, where another device could be made', () => {
  expect(codes(EPERM, { syscall: 'mknodat', inLowers: [] })).toEqual(['NO_WHITEOUT_BY_HAND']);
  expect(codes(EPERM, { syscall: 'mknodat', caller: { capMknod: false } })).toEqual([]);
  expect(codes(EPERM, { syscall: 'mknodat', place: undefined })).toEqual([]);
});
test('what happened elsewhere is not blamed on what is wrong with the overlay', () => {
  const elsewhere = { place: undefined, inLowers: [], parents: [] };
  expect(codes(EROFS, { overlay: { upper: undefined } })).toEqual(['READ_ONLY_VIEW']);
  expect(codes(EROFS, { ...elsewhere, overlay: { upper: undefined } })).toEqual([]);
  expect(codes(ENOSPC, { ...elsewhere, upper: looked('upper', { available: 0 }) })).toEqual([]);
  const whiteout = entry({ mode: 0o020000 });
  expect(codes(ENXIO, { ...elsewhere, itself: whiteout })).toEqual(['WHITEOUT_OPENED']);
});
test('several findings, the nearest first', () => {
  const inUpper = inLayer('upper', { metacopy: Buffer.alloc(0), attributes: 0x10 });
  expect(codes(EPERM, { inUpper })).toEqual(['METACOPY_OFF', 'IMMUTABLE']);
});
