// Programs read back: each step as a tracer would print it, whatever stands before it.
import { expect, test } from 'vitest';
import { addon } from '../../lib/kernel/addon.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { type CallArgument, STEP_BASE } from '../../lib/kernel/kernel-error.ts';
import { kindOf, ProgramBytes } from '../../lib/kernel/program-bytes.ts';
import { CLOSE_GIVEN, printStep } from '../../lib/kernel/program-text.ts';

type Step = readonly [name: string, ...args: CallArgument[]];

/** All steps of a program as text. */
function printed(...steps: readonly Step[]): string[] {
  const bytes = new ProgramBytes();
  for (const [name, ...args] of steps) {
    bytes.begin();
    bytes.word(name === 'close' ? CLOSE_GIVEN : Object.keys(addon.calls).indexOf(name) | (15 << 8));
    const signature = addon.calls[name] ?? 'f';
    args.forEach((value, i) => {
      bytes.argument(kindOf(signature[i]!), value);
    });
  }
  const program = Buffer.from(bytes.buffer.subarray(0, bytes.size));
  bytes.release();
  return steps.map((_, step) => printStep(program, step));
}

test('every kind of argument survives, at every alignment', () => {
  for (let length = 0; length < 9; length++) {
    const text = 'x'.repeat(length);
    expect(
      printed(
        ['mount', text, Buffer.from(`ä${text}`), null, 0x1000, null],
        ['setxattr', 4, 'user.name', Buffer.alloc(length, 255), 2],
        ['statmount', 2n ** 64n - 1n, 2 ** 40, 512],
        ['openat', AT_FDCWD, '/last', 0o10000000, 0],
      ),
    ).toEqual([
      `mount("${text}", "ä${text}", NULL, 0x1000, NULL)`,
      `setxattr(4, "user.name", <${length} bytes>, 2)`,
      'statmount(0xffffffffffffffff, 0x10000000000, 0x200)',
      'openat(AT_FDCWD, "/last", 0x200000, 0)',
    ]);
  }
});

test('descriptors of earlier steps are called by what was opened', () => {
  expect(
    printed(
      ['openat', AT_FDCWD, '/a/b', 0, 0],
      ['fsopen', 'overlay', 1],
      ['fsconfig_set_fd', STEP_BASE + 1, 'upperdir', STEP_BASE],
      ['close', 12],
      ['fsmount', STEP_BASE + 1, 1, 0],
      ['open_tree', STEP_BASE + 4, '', 1],
      ['statx', STEP_BASE + 5, '', 0x1000, 1],
      ['move_mount', STEP_BASE + 4, '', AT_FDCWD, '/t', 4],
    ).slice(2),
  ).toEqual([
    'fsconfig(overlay, FSCONFIG_SET_FD, "upperdir", </a/b>)',
    'close(12)',
    'fsmount(overlay, 1, 0)',
    'open_tree(<fsmount>, "", 1)',
    'statx(<open_tree>, "", 0x1000, 1)',
    'move_mount(<fsmount>, "", AT_FDCWD, "/t", 4)',
  ]);
});

test('bytes of earlier steps are called by what gave them', () => {
  expect(
    printed(
      ['listmount', 2n ** 64n - 1n, 0, 9],
      ['require_subset', { step: 0 }, Buffer.alloc(16)],
      ['statx', AT_FDCWD, '/somewhere', 0, 1],
      ['require_at', { step: 2 }, 144, Buffer.alloc(8)],
    ),
  ).toEqual([
    'listmount(0xffffffffffffffff, 0, 9)',
    'require_subset(<result of <listmount>>, <16 bytes>)',
    'statx(AT_FDCWD, "/somewhere", 0, 1)',
    'require_at(<result of </somewhere>>, 0x90, <8 bytes>)',
  ]);
});

test('a step that there is not is the program', () => {
  const bytes = new ProgramBytes();
  expect(printStep(bytes.buffer.subarray(0, 0), 0)).toBe('program');
  bytes.release();
});
