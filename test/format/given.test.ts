import { describe, expect, test } from 'vitest';
import { checkField, copyOf, FLAG, readFields, readOptions, SIGNAL, textOf } from '../../lib/format/given.ts';

const refused = (code: string, option: string) => expect.objectContaining({ code, option });
const throwing = (name: string): object =>
  Object.defineProperty({}, name, {
    enumerable: true,
    get() {
      throw new Error('no');
    },
  });
const checks = { form: ['device', 'xattr'], deep: FLAG, signal: SIGNAL } as const;
const read = (options: unknown) => readOptions<Record<keyof typeof checks, unknown>>(options, checks);

describe('options', () => {
  test('absent ones are none', () => {
    expect(read(undefined)).toEqual({});
    expect(read({ form: undefined, deep: false })).toEqual({ deep: false });
  });

  test.each([
    [null, 'ERR_OVERLAY_INVALID_TYPE', 'options'],
    [7, 'ERR_OVERLAY_INVALID_TYPE', 'options'],
    [[], 'ERR_OVERLAY_INVALID_TYPE', 'options'],
    [{ from: 1 }, 'ERR_OVERLAY_UNKNOWN_OPTION', 'from'],
    [JSON.parse('{"__proto__": {"deep": true}}'), 'ERR_OVERLAY_UNKNOWN_OPTION', '__proto__'],
    [{ form: 'file' }, 'ERR_OVERLAY_INVALID_VALUE', 'form'],
    [{ form: null }, 'ERR_OVERLAY_INVALID_TYPE', 'form'],
    [{ form: 10n }, 'ERR_OVERLAY_INVALID_TYPE', 'form'],
    [{ deep: 'yes' }, 'ERR_OVERLAY_INVALID_TYPE', 'deep'],
    [{ deep: null }, 'ERR_OVERLAY_INVALID_TYPE', 'deep'],
    [{ signal: {} }, 'ERR_OVERLAY_INVALID_TYPE', 'signal'],
    [throwing('deep'), 'ERR_OVERLAY_INVALID_TYPE', 'deep'],
    [{ signal: throwing('throwIfAborted') }, 'ERR_OVERLAY_INVALID_TYPE', 'signal'],
  ])('%#: refused with %2$s', (options, code, option) => {
    expect(() => read(options)).toThrow(refused(code, option));
  });

  test('a slip of the hand is recognized', () => {
    expect(() => read({ depe: true })).toThrow(expect.objectContaining({ hint: 'did you mean deep?' }));
  });

  test('what a getter throws is the cause', () => {
    const cause = new Error('no');
    expect(() => read(throwing('form'))).toThrow(expect.objectContaining({ cause }));
  });

  test('a signal of any realm, and accessors of a class', () => {
    class Given {
      get deep() {
        return true;
      }
    }
    expect(read(new Given())).toEqual({ deep: true });
    expect(() => checkField('signal', new AbortController().signal, SIGNAL)).not.toThrow();
    expect(() => checkField('signal', { throwIfAborted() {}, addEventListener() {} }, SIGNAL)).not.toThrow();
  });
});

test('fields are read once', () => {
  let reads = 0;
  const fields = readFields({ get deep() { return ++reads; } }, 'spec', ['deep']); // biome-ignore format: one thing
  expect([fields.deep, fields.deep, reads]).toEqual([1, 1, 1]);
});

test('copies have the own fields, and what is no object stays what it is', () => {
  const given = { a: 1, b: undefined };
  expect(copyOf(given, 'x')).toEqual(given);
  expect(copyOf(given, 'x')).not.toBe(given);
  for (const value of [null, 7, 'text', undefined]) expect(copyOf(value, 'x')).toBe(value);
  expect(() => copyOf(throwing('b'), 'x')).toThrow(refused('ERR_OVERLAY_INVALID_TYPE', 'b'));
});

test('anything has a text', () => {
  expect(textOf('a"b')).toBe('"a\\"b"');
  expect(textOf(new Error('why'))).toBe('why');
  expect(textOf(10n)).toBe('10');
  expect(textOf(Symbol('s'))).toBe('Symbol(s)');
  expect(textOf(Object.create(null))).toBe('object without a text');
});
