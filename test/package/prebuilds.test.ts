// Holds the prebuilt addons: all there, of these sources, and loadable on every machine that runs Node.
import { createHash } from 'node:crypto';
import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkPrebuilds } from '../../scripts/check-prebuilds.mjs';
import { type Architecture, problemsOf, sizeLimit, targets } from '../../scripts/prebuild-rules.mjs';
import { packageRoot } from '../support/built-package.ts';
import { scratchDirectory } from '../support/scratch.ts';

test('the prebuilt addons are those of these sources (else: npm run prebuildify)', () => {
  expect(checkPrebuilds(packageRoot)).toEqual([]);
});

test('all six architectures are checked', () => {
  expect(Object.keys(targets).sort()).toEqual(['arm', 'arm64', 'ppc64', 'riscv64', 's390x', 'x64']);
});

describe('each check of a directory can fail', () => {
  /** What the checks say after a change of a copy, besides what they say of the checkout itself. */
  function newProblems(change: (copy: string) => void): string[] {
    const copy = scratchDirectory().path;
    for (const name of ['binding.gyp', 'native', 'prebuilds', 'scripts'])
      cpSync(join(packageRoot, name), join(copy, name), { recursive: true });
    const before = new Set(checkPrebuilds(copy));
    change(copy);
    return checkPrebuilds(copy).filter((problem) => !before.has(problem));
  }

  const everywhere = (problem: string): string[] =>
    Object.keys(targets).map((arch) => `linux-${arch}/overlayfs.node ${problem}`);

  // Not on a stale checkout, where all of them are stale before the change as well.
  const stale = checkPrebuilds(packageRoot).length > 0;

  test.skipIf(stale)('a changed native file', () => {
    expect(newProblems((copy) => appendFileSync(join(copy, 'native/addon.cc'), '\n'))).toEqual(
      everywhere('was built from other sources than those here'),
    );
  });
  test.skipIf(stale)('a changed binding.gyp', () => {
    expect(newProblems((copy) => appendFileSync(join(copy, 'binding.gyp'), '\n'))).toEqual(
      everywhere('was built from other sources than those here'),
    );
  });
  test('a flipped bit', () => {
    const flip = (copy: string): void => {
      const file = join(copy, 'prebuilds/linux-s390x/overlayfs.node');
      const bytes = readFileSync(file);
      bytes[bytes.length >> 1]! ^= 1;
      writeFileSync(file, bytes);
    };
    expect(newProblems(flip)).toEqual(['linux-s390x/overlayfs.node is not what SHA256SUMS says']);
  });
  test('a missing addon', () => {
    expect(newProblems((copy) => rmSync(join(copy, 'prebuilds/linux-arm'), { recursive: true }))).toEqual([
      'linux-arm/overlayfs.node is missing',
    ]);
  });
  test('missing sums', () => {
    expect(newProblems((copy) => rmSync(join(copy, 'prebuilds/SHA256SUMS')))).toEqual(
      everywhere('is not what SHA256SUMS says'),
    );
  });
  test('an architecture that nothing checks', () => {
    const add = (copy: string): void =>
      cpSync(join(copy, 'prebuilds/linux-arm'), join(copy, 'prebuilds/linux-vax'), { recursive: true });
    expect(newProblems(add)).toEqual(['prebuilds/linux-vax is for no architecture that we know']);
  });
});

describe.each(Object.keys(targets) as Architecture[])('each check of an addon can fail: %s', (arch) => {
  const bytes = readFileSync(join(packageRoot, `prebuilds/linux-${arch}/overlayfs.node`));

  /** What the checks say of these bytes when sum and digest are right, without the name of the file. */
  function problems(of: Buffer): string[] {
    const name = `linux-${arch}/overlayfs.node`;
    const sum = createHash('sha256').update(of).digest('hex');
    return problemsOf(arch, of, '', `${sum}  ${name}\n`).map((problem) => problem.slice(name.length + 1));
  }

  /** The addon with a name of its tables of strings written over by another, not longer one. */
  function renamed(from: string, to: string): Buffer {
    const copy = Buffer.from(bytes);
    const at = copy.indexOf(`\0${from}\0`) + 1;
    if (at === 0) throw new Error(`${from} is not in the addon`);
    copy.fill(0, at, at + from.length);
    copy.write(to, at);
    return copy;
  }

  test('as it is, it passes', () => {
    expect(problems(bytes)).toEqual([]);
  });
  test('too large', () => {
    const large = Buffer.concat([bytes, Buffer.alloc(sizeLimit - bytes.length)]);
    expect(problems(large)).toEqual([`has ${sizeLimit} bytes, ${sizeLimit} or more`]);
  });
  test('for another machine', () => {
    const other = arch === 'x64' ? 'arm64' : 'x64';
    const foreign = readFileSync(join(packageRoot, `prebuilds/linux-${other}/overlayfs.node`));
    expect(problems(foreign)).toEqual(['is for another machine']);
  });
  test('no ELF file', () => {
    expect(problems(Buffer.alloc(100))).toEqual(['cannot be read: no ELF file']);
  });
  test('a libc among its libraries', () => {
    expect(problems(renamed('libgcc_s.so.1', 'libc.so.6'))).toContain('needs the library libc.so.6');
  });
  test('a version of glibc', () => {
    expect(problems(renamed('CXXABI_1.3.9', 'GLIBC_2.28'))).toContain('needs GLIBC_2.28');
  });
  test('a libstdc++ that older systems lack', () => {
    expect(problems(renamed('CXXABI_1.3.9', 'CXXABI_1.4'))).toEqual(['needs CXXABI_1.4']);
  });
  test('a function that only some libc has', () => {
    expect(problems(renamed('__errno_location', '__snprintf_chk'))).toEqual([
      'needs the symbol __snprintf_chk',
    ]);
  });
});
