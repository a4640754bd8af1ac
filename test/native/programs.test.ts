// Malformed programs: they end with EBADMSG or an errno of a call, never with a crash, and leave no descriptor.
//
// Random words reach harmless calls only: whatever a misread word is taken for, its low byte names a call that looks.

import { describe, expect, test } from 'vitest';
import { addon, type NativeFailure, nativeFunction } from '../../lib/kernel/addon.ts';
import { AT_FDCWD, O_PATH } from '../../lib/kernel/constants.ts';
import { STEP_BASE } from '../../lib/kernel/kernel-error.ts';
import { KEEP, MAY_FAIL, WANT } from '../../lib/kernel/program.ts';
import { kindOf, ProgramBytes } from '../../lib/kernel/program-bytes.ts';
import { CLOSE_GIVEN, NULL_LENGTH, STEP_LENGTH } from '../../lib/kernel/program-text.ts';
import fc from '../support/fast-check.ts';
import { openDescriptors } from '../support/leaks.ts';

const EBADMSG = 74;
const number = (name: string): number => Object.keys(addon.calls).indexOf(name);
const output = Buffer.alloc(1 << 16);

type Outcome = number | NativeFailure;
const run = (program: Uint8Array, size = program.length): Outcome =>
  addon.runProgramSync(program, size, output, []);
const words = (...values: readonly number[]): Buffer =>
  Buffer.from(new Uint32Array(values.map((value) => value >>> 0)).buffer);
const badMessage = (step: number) => ({ errno: EBADMSG, syscall: 'program', step, log: Buffer.alloc(0) });

/** open("/"), its statx, where /proc/self leads, and its statfs; gives where each step ends. */
function harmless(): { program: Buffer; ends: number[] } {
  const bytes = new ProgramBytes();
  const ends: number[] = [];
  const step = (name: string, flags: number, ...args: readonly (number | string)[]) => {
    bytes.begin();
    bytes.word(number(name) | (flags << 8));
    [...addon.calls[name]!].forEach((letter, i) => {
      bytes.argument(kindOf(letter), args[i]!);
    });
    ends.push(bytes.size);
  };
  step('openat', KEEP, AT_FDCWD, '/', O_PATH, 0);
  step('statx', WANT, STEP_BASE, '', 0x1000, 0x7ff);
  step('readlinkat', WANT, AT_FDCWD, '/proc/self');
  step('fstatfs', WANT, STEP_BASE);
  return { program: Buffer.from(bytes.buffer.subarray(0, bytes.size)), ends };
}

test('a program that is cut short anywhere opens nothing that stays', () => {
  const { program, ends } = harmless();
  const before = openDescriptors();
  for (let size = 0; size <= program.length; size++) {
    const outcome = run(program, size);
    const whole = size === 0 || ends.includes(size);
    const steps = ends.filter((end) => end <= size).length;
    if (!whole) expect(outcome, `${size} bytes`).toEqual(badMessage(steps));
    else expect(outcome, `${size} bytes`).toBeGreaterThanOrEqual(4 * steps);
    if (whole && size > 0) expect(addon.close(output.readInt32LE(0))).toBe(true);
    expect(openDescriptors()).toEqual(before);
  }
  expect(run(program)).toBe(16 + 3 * 4 + 256 + String(process.pid).length + 64);
  addon.close(output.readInt32LE(0));
});

describe('a malformed step is refused', () => {
  const statx = number('statx');
  const readlinkat = number('readlinkat');
  const at = number('require_at');
  const text = (...characters: string[]): number[] => [
    ...new Uint32Array(new Uint8Array(Buffer.from(characters.join(''))).buffer),
  ];
  test.each<[string, number[]]>([
    ['a call that there is not', [Object.keys(addon.calls).length]],
    ['the last number', [254]],
    ['no arguments', [statx]],
    ['a descriptor of a step that comes later', [statx, STEP_BASE, 0, 0, 0, 0]],
    ['a descriptor of a step far away', [statx, 0x7fff_ffff, 0, 0, 0, 0]],
    ['bytes of a step that comes later', [at, STEP_LENGTH, 0, 0, 0]],
    ['bytes of a step far away', [at, STEP_LENGTH, 0xffff_ffff, 0, 0]],
    ['bytes of no step', [at, STEP_LENGTH]],
    ['text longer than the program', [readlinkat, AT_FDCWD, 5, 0]],
    ['text as long as a number goes', [readlinkat, AT_FDCWD, 0xffff_fffd, 0]],
    ['text of a step, which there is not', [readlinkat, AT_FDCWD, STEP_LENGTH, 0]],
    ['text without the NUL at its end', [readlinkat, AT_FDCWD, 3, ...text('/abc')]],
    ['text with a NUL in its middle', [readlinkat, AT_FDCWD, 3, ...text('/\0bc')]],
    ['a blob longer than the program', [at, 5, 0]],
    ['a blob as long as a number goes', [at, 0xffff_fffd, 0, 0, 0]],
  ])('%s', (_, program) => {
    expect(run(words(...program))).toEqual(badMessage(0));
    // What may fail fails as itself then, since nothing behind it can be read.
    program[0]! |= MAY_FAIL << 8;
    const outcome = run(words(...program));
    expect([4, EBADMSG]).toContain(typeof outcome === 'number' ? outcome : outcome.errno);
  });
  test('NULL where a path must be is refused by the kernel', () => {
    expect(run(words(readlinkat, AT_FDCWD, NULL_LENGTH))).toMatchObject({ errno: 14, syscall: 'readlinkat' });
  });
  test('a descriptor of a step that gave none is none', () => {
    const program = words(readlinkat | (MAY_FAIL << 8), AT_FDCWD, 0, 0, number('fstatfs'), STEP_BASE);
    expect(run(program)).toMatchObject({ errno: 9, syscall: 'fstatfs', step: 1 });
  });
  test('an output that is too small is refused, and the kept descriptor closed', async () => {
    const { program } = harmless();
    const before = openDescriptors();
    const small = Buffer.alloc(300);
    const refused = { errno: 90, syscall: 'program', step: 0, log: Buffer.alloc(0) };
    expect(addon.runProgramSync(program, program.length, small, [])).toEqual(refused);
    expect(await addon.runProgram(program, program.length, small, [])).toEqual(refused);
    expect(openDescriptors()).toEqual(before);
  });
  test('closing a descriptor that was not given does nothing', () => {
    const before = openDescriptors();
    expect(run(words(CLOSE_GIVEN, 0, CLOSE_GIVEN, 1, CLOSE_GIVEN, AT_FDCWD))).toBe(12);
    expect(openDescriptors()).toEqual(before);
  });
});

test('a step that opens nothing keeps nothing, and what is held stays held', () => {
  const fd = nativeFunction('openatSync')!(AT_FDCWD, '/', O_PATH, 0) as number;
  // fstatfs of the directory.
  expect(run(words(number('fstatfs') | (KEEP << 8), fd))).toBe(4);
  expect(output.readInt32LE(0)).toBe(-1);
  expect(addon.close(fd)).toBe(true);
});

describe('random words', () => {
  const looking = [
    'readlinkat',
    'statx',
    'fstatfs',
    'require_subset',
    'require_other_file',
    'require_at',
  ].map(number);
  const unknown = fc.integer({ min: Object.keys(addon.calls).length, max: 255 });
  const low = fc.oneof(fc.constantFrom(...looking), unknown);
  const word = fc.oneof(
    // A call with its flags.
    fc
      .tuple(fc.constantFrom(...looking), fc.integer({ min: 0, max: 15 }))
      .map(([call, flags]) => call | (flags << 8)),
    // A length, a reference to a step, anything else.
    low,
    low.map((byte) => STEP_BASE | byte),
    fc.tuple(fc.integer({ min: 0, max: 0xff_ffff }), low).map(([high, byte]) => ((high << 8) | byte) >>> 0),
    fc.constantFrom(NULL_LENGTH, STEP_LENGTH, AT_FDCWD >>> 0, CLOSE_GIVEN),
  );
  const flags = fc.constantFrom(0, WANT, MAY_FAIL, WANT | MAY_FAIL);
  // A step that is right but for one thing.
  const step = fc
    .tuple(fc.constantFrom(...looking), flags, fc.array(low, { minLength: 1, maxLength: 7 }))
    .map(([call, flag, rest]) => [call | (flag << 8), AT_FDCWD >>> 0, ...rest]);
  const program = fc.oneof(
    fc.array(word, { maxLength: 60 }),
    fc.array(step, { maxLength: 8 }).map((steps) => steps.flat()),
  );

  test('are built so that they can reach no other call', () => {
    fc.assert(
      fc.property(program, (values) => {
        for (const value of values) {
          const call = value & 0xff;
          expect(looking.includes(call) || call >= Object.keys(addon.calls).length).toBe(true);
        }
      }),
    );
  });
  test('give a number of bytes, or a failure with its step; no descriptor is left', () => {
    const before = openDescriptors();
    const seen = new Set<string>();
    fc.assert(
      fc.property(program, fc.nat(3), (values, cut) => {
        const bytes = words(...values);
        const outcome = run(bytes, Math.max(0, bytes.length - cut));
        if (typeof outcome === 'number') {
          seen.add('done');
          expect(outcome).toBeLessThanOrEqual(output.length);
          return;
        }
        seen.add(outcome.syscall);
        expect(outcome.errno).toBeGreaterThan(0);
        expect(outcome.step).toBeLessThan(Math.max(1, values.length));
      }),
      { numRuns: 3000 },
    );
    expect(openDescriptors()).toEqual(before);
    // The generator is not so wild that nothing runs.
    expect([...seen]).toEqual(expect.arrayContaining(['done', 'program']));
  });
  test('do the same on the thread pool', async () => {
    await fc.assert(
      fc.asyncProperty(program, async (values) => {
        const bytes = words(...values);
        const now = addon.runProgramSync(bytes, bytes.length, Buffer.alloc(1 << 16), []);
        expect(await addon.runProgram(bytes, bytes.length, Buffer.alloc(1 << 16), [])).toEqual(now);
      }),
      { numRuns: 500 },
    );
  });
});
