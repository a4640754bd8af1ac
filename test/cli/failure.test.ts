import { expect, test } from 'vitest';
import {
  describeFailure,
  failureJson,
  failureLine,
  failureText,
  markedLines,
  mountExitCode,
} from '../../lib/cli/failure.ts';
import { UsageError } from '../../lib/cli/flags.ts';
import { KernelError, OverlayError } from '../../lib/index.ts';

const cause = new KernelError({
  errno: 2,
  syscall: 'openat',
  call: 'openat(AT_FDCWD, "/a", 0)',
  log: '',
  step: 3,
});
const finding = {
  code: 'ERR_OVERLAY_NOT_FOUND',
  sentence: 'lower 0 ("/a") does not exist',
  hint: 'make it',
  option: 'lower',
  index: 0,
  path: '/a',
};
const other = { code: 'ERR_OVERLAY_X', sentence: 'and more', hint: 'so' };
const failed = new OverlayError([finding, other], cause);
const wrong = (code: string) => new OverlayError([{ ...finding, code }]);

test('several lines for people: sentence, code, hint, the rest, the call', () => {
  expect(failureText(failed).split('\n')).toEqual([
    'overlayfs: lower 0 ("/a") does not exist',
    '  /a',
    '   ^',
    '  code: ERR_OVERLAY_NOT_FOUND',
    '  hint: make it',
    '  also: and more',
    '  call: openat(AT_FDCWD, "/a", 0): ENOENT',
  ]);
});
test('an empty path has no part to be marked', () => {
  const empty = { ...finding, path: '', sentence: 'lower 0 (""): the path is empty' };
  expect(markedLines(new OverlayError([empty]))).toEqual([]);
});
test("the driver's words from the kernel log, line by line", () => {
  const error = new OverlayError([finding], cause, ['overlayfs: a', 'overlayfs: b']);
  expect(failureText(error).split('\n').slice(-2)).toEqual([
    '  kernel log: overlayfs: a',
    '  kernel log: overlayfs: b',
  ]);
  expect(JSON.parse(failureJson(error)).error.kernelLog).toEqual(['overlayfs: a', 'overlayfs: b']);
});
test('a hint names the flag that stands for a field of the library', () => {
  const hint = 'pass mkdir: true, or shareUpper: true; name one as `name`, the layers as `lowers`';
  expect(failureText(new OverlayError([{ ...finding, hint }]))).toContain(
    'hint: pass --mkdir, or --share-upper; name one as --name, the layers as `lowers`',
  );
});
test('one line for the callers of mount(8)', () => {
  expect(failureLine(failed)).toBe(
    'overlayfs: lower 0 ("/a") does not exist (ERR_OVERLAY_NOT_FOUND: make it)',
  );
  expect(failureLine(new UsageError('a\n  b'))).toBe('overlayfs: a b');
});
test('where nobody answers, the path is not walked', () => {
  const silent = { ...finding, code: 'ERR_OVERLAY_NO_ANSWER', path: '/no/such' };
  expect(markedLines(new OverlayError([silent]))).toEqual(['  /no/such', '  ^^^^^^^^']);
  expect(markedLines(new OverlayError([{ ...finding, path: '/no/such' }]))).toEqual(['  /no/such', '   ^^']);
  expect(markedLines(new OverlayError([{ ...finding, path: '/caf\ufffd' }]))).toEqual([]);
});
test('the whole error as JSON', () => {
  expect(JSON.parse(failureJson(failed))).toEqual({
    error: {
      name: 'OverlayError',
      message: finding.sentence,
      code: finding.code,
      hint: 'make it',
      option: 'lower',
      index: 0,
      path: '/a',
      errno: -2,
      syscall: 'openat',
      findings: [{ ...finding, part: { start: 1, end: 2, text: 'a' } }, other],
      cause: {
        name: 'KernelError',
        message: 'openat(AT_FDCWD, "/a", 0): ENOENT',
        code: 'ENOENT',
        errno: -2,
        syscall: 'openat',
        call: 'openat(AT_FDCWD, "/a", 0)',
        log: '',
        step: 3,
      },
    },
  });
  expect(JSON.parse(failureJson('odd'))).toEqual({ error: { message: 'odd' } });
});
test('an error that nobody foresaw comes with its place', () => {
  expect(describeFailure(new Error('oops')).message).toMatch(/oops\n\s+at /);
  expect(describeFailure('odd')).toEqual({ message: 'odd' });
});
test.each([
  ['wrong words', new UsageError('x'), 1],
  ['no privilege', wrong('ERR_OVERLAY_NO_PRIVILEGE'), 1],
  ['a layer that is missing', failed, 32],
  ['wrong option text', wrong('ERR_OVERLAY_OPTION_TEXT'), 32],
  [
    'no memory',
    new OverlayError([finding], new KernelError({ errno: 12, syscall: 's', call: 's()', log: '', step: 0 })),
    2,
  ],
  ['a mistake of the program', new Error('x'), 2],
])('%s: mount(8)’s exit code %s', (_, error, code) => {
  expect(mountExitCode(error)).toBe(code);
});
