// What the addon does with arguments of the wrong type: it throws a TypeError, and makes no call.
import { closeSync, existsSync, fstatSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { addon } from '../../lib/kernel/addon.ts';
import { AT_FDCWD, O_PATH } from '../../lib/kernel/constants.ts';
import { openDescriptors } from '../support/leaks.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { calls, missingArguments, native, wrongArguments } from './arguments.ts';

describe.each(['', 'Sync'])('in the form name%s', (suffix) => {
  test.each(calls)('%s(%s) refuses each wrong argument, and says which', (name, signature) => {
    for (const { args, index } of wrongArguments(signature)) {
      // Thrown, not rejected, by the promise form too.
      expect(() => native(name + suffix)(...args), `argument ${index}: ${String(args[index])}`).toThrow(
        expect.objectContaining({
          name: 'TypeError',
          message: expect.stringMatching(`^argument ${index} must be `),
        }),
      );
    }
  });
  test.each(calls)('%s(%s) wants all its arguments', (name, signature) => {
    for (const args of missingArguments(signature)) {
      expect(() => native(name + suffix)(...args), `${args.length} arguments`).toThrow(TypeError);
    }
  });
});

describe('no call is made', () => {
  test('when the last argument is wrong', () => {
    const path = scratchDirectory().join('directory');
    for (const mode of ['x', undefined, -1, Number.NaN, 2 ** 32]) {
      expect(() => native('mkdiratSync')(AT_FDCWD, path, mode)).toThrow(TypeError);
      expect(() => native('mkdirat')(AT_FDCWD, path, mode)).toThrow(TypeError);
    }
    expect(existsSync(path)).toBe(false);
    expect(native('mkdiratSync')(AT_FDCWD, path, 0o700)).toBeUndefined();
    expect(existsSync(path)).toBe(true);
  });
  test('on the part of a path before a NUL byte', () => {
    const scratch = scratchDirectory();
    for (const name of [scratch.join('directory\0more'), Buffer.from(scratch.join('directory\0'))]) {
      expect(() => native('mkdiratSync')(AT_FDCWD, name, 0o700)).toThrow(
        'argument 1 must be free of NUL bytes',
      );
    }
    expect(existsSync(scratch.join('directory'))).toBe(false);
  });
  test('so that no descriptor is opened', () => {
    const before = openDescriptors();
    for (const { args } of wrongArguments('ftuu')) {
      if (args[1] === '') args[1] = '/';
      expect(() => native('openatSync')(...args)).toThrow(TypeError);
    }
    expect(openDescriptors()).toEqual(before);
  });
});

describe('close', () => {
  test.each(['x', undefined, null, {}, 0n, [0], '0'])('refuses %o, which is not descriptor 0', (fd) => {
    expect(() => addon.close(fd as number)).toThrow(TypeError);
    expect(fstatSync(0)).toBeDefined();
  });
  test('leaves alone what the addon has not opened', () => {
    const fd = openSync('/dev/null', 'r');
    try {
      for (const foreign of [fd, 0, 1, 2, -1, AT_FDCWD, 1e9, Number.NaN, Number.POSITIVE_INFINITY]) {
        expect(addon.close(foreign), String(foreign)).toBe(false);
      }
      for (const open of [fd, 0, 1, 2]) expect(fstatSync(open)).toBeDefined();
    } finally {
      closeSync(fd);
    }
  });
  test('closes what the addon has opened, once', () => {
    const before = openDescriptors();
    const fd = native('openatSync')(AT_FDCWD, '/', O_PATH, 0) as number;
    expect(openDescriptors()).toHaveLength(before.length + 1);
    expect(addon.close(fd)).toBe(true);
    expect(openDescriptors()).toEqual(before);
    expect(addon.close(fd)).toBe(false);
  });
  test('knows a number again when the kernel gives it again, and not when node:fs got it', () => {
    const fd = native('openatSync')(AT_FDCWD, '/', O_PATH, 0) as number;
    addon.close(fd);
    const foreign = openSync('/dev/null', 'r');
    expect(foreign).toBe(fd);
    expect(addon.close(fd)).toBe(false);
    closeSync(foreign);
    expect(native('openatSync')(AT_FDCWD, '/', O_PATH, 0)).toBe(fd);
    expect(addon.close(fd)).toBe(true);
  });
});

describe('runProgram', () => {
  const bytes = new Uint8Array(8);
  test.each([
    [[]],
    [['program', 0, bytes, []]],
    [[bytes, '0', bytes, []]],
    [[bytes, 0, new Uint16Array(4), []]],
    [[bytes, 0, new ArrayBuffer(4), []]],
    [[bytes, 0, bytes]],
    [[bytes, 0, bytes, { length: 1 }]],
  ])('refuses %o', (args) => {
    expect(() => native('runProgramSync')(...args)).toThrow(TypeError);
    expect(() => native('runProgram')(...args)).toThrow(TypeError);
  });
  test.each([-1, 9, 2 ** 32, Number.MAX_SAFE_INTEGER])('refuses %d as the size of 8 bytes', (size) => {
    expect(() => addon.runProgramSync(bytes, size, bytes, [])).toThrow(RangeError);
    expect(() => addon.runProgram(bytes, size, bytes, [])).toThrow(RangeError);
  });
  test('does not take over descriptors that the addon has not opened', async () => {
    const fd = openSync('/dev/null', 'r');
    try {
      expect(addon.runProgramSync(bytes, 0, bytes, [fd, 0, -1])).toBe(0);
      expect(await addon.runProgram(bytes, 0, bytes, [fd, 0, -1])).toBe(0);
      for (const open of [fd, 0]) expect(fstatSync(open)).toBeDefined();
    } finally {
      closeSync(fd);
    }
  });
});
