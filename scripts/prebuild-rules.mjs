// What a prebuilt addon must be to load wherever its architecture's Node does; a table and pure checks, no I/O.
import { createHash } from 'node:crypto';
import { parseElf } from './elf.mjs';

export const sizeLimit = 100_000;

/** By Node's name of the architecture: e_machine, word size and byte order, and bits that e_flags must have. */
export const targets = {
  x64: { machine: 62, bits: 64, littleEndian: true },
  arm64: { machine: 183, bits: 64, littleEndian: true },
  // EABI 5 with hard float.
  arm: { machine: 40, bits: 32, littleEndian: true, flags: 0x05000400 },
  // ABI lp64d.
  riscv64: { machine: 243, bits: 64, littleEndian: true, flags: 0x4 },
  // ABI ELFv2.
  ppc64: { machine: 21, bits: 64, littleEndian: true, flags: 0x2 },
  s390x: { machine: 22, bits: 64, littleEndian: false },
};

// libc is not among them: which one it is, the process has decided.
const libraries = ['libstdc++.so.6', 'libgcc_s.so.1'];

// The newest that Node 20's own binaries need: a machine that runs Node has them.
const newestVersions = { GLIBCXX: '3.4.21', CXXABI: '1.3.9', GCC: '4.2.0' };

const allowedSymbols = [
  /^napi_\w+$/,
  // In every libc, of one meaning since ever.
  /^(memchr|memcmp|memcpy|memmove|memset|strlen|syscall|__errno_location|__cxa_finalize)$/,
  // For the child of native/namespace_child.cc, which needs a stack of its own from its first instruction on; and the
  // thread of native/guardian.cc.
  /^(clone|pthread_create|pthread_detach)$/,
  // Weak, absent without harm.
  /^(__gmon_start__|_ITM_(de)?registerTMCloneTable)$/,
  // libstdc++ and libgcc_s; newestVersions says how old they may be.
  /^__cxa_\w+$|^_Unwind_\w+$|^__g(xx|cc)_personality_v0$|^__aeabi_\w+$/,
  /^_Z(NK?S|S|T[ISV]|n[wa]|d[la])\w+$/,
];

/** What is wrong with a prebuilt addon, a sentence each; `sums` is the text of SHA256SUMS. */
export function problemsOf(arch, bytes, digest, sums) {
  const name = `linux-${arch}/overlayfs.node`;
  return [
    ...sumProblems(name, bytes, sums),
    ...(bytes.length < sizeLimit ? [] : [`has ${bytes.length} bytes, ${sizeLimit} or more`]),
    ...(bytes.includes(digest) ? [] : ['was built from other sources than those here']),
    ...elfProblems(arch, bytes),
  ].map((problem) => `${name} ${problem}`);
}

function sumProblems(name, bytes, sums) {
  const sum = createHash('sha256').update(bytes).digest('hex');
  return sums.split('\n').includes(`${sum}  ${name}`) ? [] : ['is not what SHA256SUMS says'];
}

function elfProblems(arch, bytes) {
  let elf;
  try {
    elf = parseElf(bytes);
  } catch (error) {
    return [`cannot be read: ${error.message}`];
  }
  const { machine, bits, littleEndian, flags = 0 } = targets[arch];
  const fits =
    elf.type === 3 &&
    elf.machine === machine &&
    elf.bits === bits &&
    elf.littleEndian === littleEndian &&
    (elf.flags & flags) === flags;
  return [
    ...(fits ? [] : ['is for another machine']),
    ...elf.needed.filter((name) => !libraries.includes(name)).map((name) => `needs the library ${name}`),
    ...elf.versions.filter((version) => !isOldEnough(version)).map((version) => `needs ${version}`),
    ...elf.undefinedSymbols
      .filter((symbol) => !allowedSymbols.some((pattern) => pattern.test(symbol)))
      .map((symbol) => `needs the symbol ${symbol}`),
    ...(elf.undefinedSymbols.length > 0 ? [] : ['has no table of symbols']),
  ];
}

function isOldEnough(version) {
  const [family, number = ''] = version.split('_');
  const newest = newestVersions[family];
  return newest !== undefined && number.localeCompare(newest, 'en', { numeric: true }) <= 0;
}
