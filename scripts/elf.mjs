// Reads what an ELF shared object asks of the system: its machine, libraries, symbol versions and symbols.
const SHT_DYNAMIC = 6;
const SHT_DYNSYM = 11;
const SHT_GNU_VERNEED = 0x6ffffffe;
const DT_NEEDED = 1;

/**
 * Throws when the bytes are no ELF shared object. `versions` are those that the libraries must have, such as GLIBC_2.28;
 * `undefinedSymbols` those that somebody else must bring.
 */
export function parseElf(bytes) {
  if (bytes.length < 64 || bytes.readUInt32BE(0) !== 0x7f454c46) throw new Error('no ELF file');
  const wide = bytes[4] === 2;
  const read = reader(bytes, bytes[5] === 1, wide);
  const sections = readSections(read, wide);
  const stringsOf = (section) => (offset) => read.text(sections[section.link].offset + offset);
  const ofType = (type) => sections.filter((section) => section.type === type);
  return {
    bits: wide ? 64 : 32,
    littleEndian: bytes[5] === 1,
    type: read.u16(16),
    machine: read.u16(18),
    flags: read.u32(wide ? 48 : 36),
    needed: ofType(SHT_DYNAMIC).flatMap((section) => neededIn(read, section, stringsOf(section))),
    versions: ofType(SHT_GNU_VERNEED).flatMap((section) => versionsIn(read, section, stringsOf(section))),
    undefinedSymbols: ofType(SHT_DYNSYM).flatMap((section) =>
      undefinedIn(read, section, wide, stringsOf(section)),
    ),
  };
}

function reader(bytes, little, wide) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at) => view.getUint32(at, little);
  return {
    u8: (at) => view.getUint8(at),
    u16: (at) => view.getUint16(at, little),
    u32,
    word: (at) => (wide ? Number(view.getBigUint64(at, little)) : u32(at)),
    wordSize: wide ? 8 : 4,
    text: (at) => bytes.toString('latin1', at, bytes.indexOf(0, at)),
  };
}

function readSections(read, wide) {
  const table = read.word(wide ? 40 : 32);
  const size = read.u16(wide ? 58 : 46);
  const count = read.u16(wide ? 60 : 48);
  return Array.from({ length: count }, (_, i) => {
    const at = table + i * size;
    return {
      type: read.u32(at + 4),
      offset: read.word(at + (wide ? 24 : 16)),
      size: read.word(at + (wide ? 32 : 20)),
      link: read.u32(at + (wide ? 40 : 24)),
    };
  });
}

function neededIn(read, { offset, size }, string) {
  const names = [];
  for (let at = offset; at < offset + size; at += 2 * read.wordSize)
    if (read.word(at) === DT_NEEDED) names.push(string(read.word(at + read.wordSize)));
  return names;
}

// Two linked lists: a library, and the versions wanted of it (Elf64_Verneed and Elf64_Vernaux, the same in 32 bits).
function versionsIn(read, { offset }, string) {
  const names = [];
  for (let library = offset, next = -1; next !== 0; library += next) {
    let at = library + read.u32(library + 8);
    for (let left = read.u16(library + 2); left > 0; left--) {
      names.push(string(read.u32(at + 8)));
      at += read.u32(at + 12);
    }
    next = read.u32(library + 12);
  }
  return names;
}

function undefinedIn(read, { offset, size }, wide, string) {
  const [entry, section] = wide ? [24, 6] : [16, 14];
  const names = [];
  // The first entry is reserved.
  for (let at = offset + entry; at < offset + size; at += entry)
    if (read.u16(at + section) === 0) names.push(string(read.u32(at)));
  return names;
}
