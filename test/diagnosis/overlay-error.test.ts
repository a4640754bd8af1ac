// The one error that users meet: its fields come from the first finding and from the failed call.
import { expect, test } from 'vitest';
import { busyText } from '../../lib/diagnosis/busy.ts';
import { OverlayError, shown } from '../../lib/diagnosis/overlay-error.ts';
import { placeOf, subjectText } from '../../lib/diagnosis/subject.ts';

const first = {
  code: 'ERR_OVERLAY_X',
  sentence: 'It is so.',
  hint: 'Do that.',
  option: 'lower',
  index: 2,
  path: '/a',
};
const second = { code: 'ERR_OVERLAY_Y', sentence: 'And so.', hint: 'Do this.' };

test('has the fields of its first finding, and all findings', () => {
  const error = new OverlayError([first, second]);
  const { sentence, ...fields } = first;
  expect(error).toMatchObject({
    ...fields,
    name: 'OverlayError',
    message: sentence,
    findings: [first, second],
  });
  expect(error).toBeInstanceOf(Error);
});

test('has no field that nothing is known of', () => {
  const error = new OverlayError([second]);
  for (const name of ['errno', 'syscall', 'option', 'index', 'path', 'cause'])
    expect(error).not.toHaveProperty(name);
});

test('carries the failed call', () => {
  const cause = Object.assign(new Error('x'), { errno: -2, syscall: 'openat' });
  expect(new OverlayError([second], cause)).toMatchObject({ errno: -2, syscall: 'openat', cause });
});

test('names what it is about', () => {
  expect(subjectText({ option: 'lower', index: 3, path: '/a b' })).toBe('lower 3 ("/a b")');
  expect(subjectText({ option: 'upper', path: Buffer.from([0x2f, 0xff]) })).toBe('upper ("/\ufffd")');
  expect(placeOf({ option: 'data', index: 0, path: Buffer.from('/x') })).toEqual({
    option: 'data',
    index: 0,
    path: '/x',
  });
  expect(placeOf({ option: 'work' })).toEqual({ option: 'work' });
  expect([shown('/ü'), shown(Buffer.from('/ü'))]).toEqual(['/ü', '/ü']);
});

test('says who keeps a mount busy, and what it cannot see', () => {
  const holder = { pid: 7, command: 'sh', by: ['cwd', 'fd 3'] };
  const some = { holders: [holder], children: ['/m/x'], complete: false };
  expect(busyText(some)).toBe('process 7 (sh: cwd, fd 3), a mount at "/m/x"');
  expect(busyText({ holders: [], children: [], complete: false })).toContain('this user may see');
  expect(busyText({ holders: [], children: [], complete: true })).toContain('in the meantime');
});
