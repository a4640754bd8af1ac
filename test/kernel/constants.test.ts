// The numbers of the kernel's interface, compared with its own headers by the C compiler.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as constants from '../../lib/kernel/constants.ts';
import { run, which } from '../support/command.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';

const { procPath, ...numbers } = constants;

// Apart, since linux/mount.h and sys/mount.h of some libcs exclude each other.
const headers: readonly (readonly string[])[] = [
  [
    'fcntl.h',
    'linux/mount.h',
    'linux/openat2.h',
    'linux/stat.h',
    'linux/fs.h',
    'linux/magic.h',
    'linux/sched.h',
  ],
  ['fcntl.h', 'sys/mount.h', 'sys/file.h', 'sys/stat.h', 'sys/statvfs.h'],
];

/** Too young for the headers of many a machine. */
const young: readonly string[] = ['STATX_MNT_ID_UNIQUE', 'LSMT_ROOT', 'ST_NOSYMFOLLOW', 'FS_IOC_GETFSUUID'];

/** What the headers say, by name; what they do not know is left out. */
function fromHeaders(names: readonly string[]): Map<string, bigint> {
  const compiler = ['cc', 'gcc', 'clang'].find((name) => which(name) !== undefined);
  if (compiler === undefined) missing('there is no C compiler (install gcc)');
  const scratch = scratchDirectory();
  const said = new Map<string, bigint>();
  headers.forEach((group, i) => {
    const source = [
      '#define _GNU_SOURCE',
      ...group.map((header) => `#include <${header}>`),
      '#include <stdio.h>',
      'int main(void) {',
      ...names.flatMap((name) => [
        `#ifdef ${name}`,
        `  printf("${name} %llu\\n", (unsigned long long)(${name}));`,
        '#endif',
      ]),
      '}',
    ].join('\n');
    writeFileSync(scratch.join(`${i}.c`), source);
    run(compiler, '-o', scratch.join(String(i)), scratch.join(`${i}.c`));
    for (const line of run('env', scratch.join(String(i)))
      .trim()
      .split('\n')) {
      const [name, value] = line.split(' ') as [string, string];
      said.set(name, BigInt(value));
    }
  });
  return said;
}

test('the constants are those of the headers', () => {
  const said = fromHeaders(Object.keys(numbers));
  const unknown = Object.keys(numbers).filter((name) => !said.has(name));
  expect(unknown.filter((name) => !young.includes(name))).toEqual([]);
  for (const [name, value] of said) {
    const ours = numbers[name as keyof typeof numbers];
    expect(BigInt.asUintN(64, BigInt(ours)), name).toBe(value);
  }
});

test('procPath is the magic link of a descriptor', () => {
  expect(procPath(7)).toBe('/proc/self/fd/7');
});
