// Whether a directory's listing tells the types of its entries, which overlay needs of an upper.
import { HOST_IS_LITTLE_ENDIAN } from '../../format/statmount.ts';

// struct linux_dirent64: inode u64, offset i64, record length u16, type u8, name. Source: getdents(2).
const LENGTH = 16;
const TYPE = 18;
const NAME = 19;
const DT_UNKNOWN = 0;

/** Undefined when there is no entry but `.` and `..`, whose types are always told. */
export function tellsTypes(entries: Buffer): boolean | undefined {
  let told: boolean | undefined;
  for (let at = 0; at + NAME < entries.length; ) {
    const length = HOST_IS_LITTLE_ENDIAN
      ? entries.readUInt16LE(at + LENGTH)
      : entries.readUInt16BE(at + LENGTH);
    const name = entries.subarray(at + NAME, entries.indexOf(0, at + NAME)).toString('latin1');
    if (name !== '.' && name !== '..') told = (told ?? true) && entries[at + TYPE] !== DT_UNKNOWN;
    at += length;
  }
  return told;
}
