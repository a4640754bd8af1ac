// The escapings of layer paths, on bytes: mount(2) text, fsconfig(2) strings, and the octal of mountinfo.
//
// Measured on Linux 6.18. `lowerdir+` and `datadir+` are never unescaped, so their values must stay raw.

const TAB = 0x09;
const NEWLINE = 0x0a;
const SPACE = 0x20;
const HASH = 0x23;
const COMMA = 0x2c;
const ZERO = 0x30;
const COLON = 0x3a;
const BACKSLASH = 0x5c;

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A backslash before each of `special`; the input itself when there is none of them. */
function backslashBefore(bytes: Uint8Array, special: readonly number[]): Buffer {
  if (!special.some((byte) => bytes.includes(byte))) return asBuffer(bytes);
  let extra = 0;
  for (const byte of bytes) if (special.includes(byte)) extra++;
  const escaped = Buffer.allocUnsafe(bytes.length + extra);
  let length = 0;
  for (const byte of bytes) {
    if (special.includes(byte)) escaped[length++] = BACKSLASH;
    escaped[length++] = byte;
  }
  return escaped;
}

const IN_MOUNT_VALUE = [BACKSLASH, COMMA];
const IN_MOUNT_LIST = [BACKSLASH, COMMA, COLON];
const IN_FSCONFIG_VALUE = [BACKSLASH];
const IN_FSCONFIG_LIST = [BACKSLASH, COLON];

/** `upperdir=` and `workdir=` in mount(2) text: `\` and `,` take a backslash, a colon means nothing there. */
export function escapeOptionValue(path: Uint8Array): Buffer {
  return backslashBefore(path, IN_MOUNT_VALUE);
}

/** One entry of `lowerdir=` in mount(2) text: `\`, `,` and `:` take a backslash. */
export function escapeLowerEntry(path: Uint8Array): Buffer {
  return backslashBefore(path, IN_MOUNT_LIST);
}

/** `upperdir` and `workdir` as strings of fsconfig(2): the kernel undoes backslashes there too, but splits nothing. */
export function escapeForFsconfigValue(path: Uint8Array): Buffer {
  return backslashBefore(path, IN_FSCONFIG_VALUE);
}

/** One entry of `lowerdir` as a string of fsconfig(2). */
export function escapeForFsconfigLowerEntry(path: Uint8Array): Buffer {
  return backslashBefore(path, IN_FSCONFIG_LIST);
}

/**
 * Undoes any of the backslash escapings as the kernel does: a backslash goes, the byte after it stays. A lone backslash at
 * the end goes too, as up to Linux 6.18.
 */
export function unescapeValue(text: Uint8Array): Buffer {
  const bytes = asBuffer(text);
  if (!bytes.includes(BACKSLASH)) return bytes;
  const path = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === BACKSLASH) i++;
    if (i < bytes.length) path[length++] = bytes[i]!;
  }
  return path.subarray(0, length);
}

/** The byte that `\ooo` at `at` stands for, or -1 when there is no such escape. */
function octalAt(text: Uint8Array, at: number): number {
  if (at + 3 >= text.length) return -1;
  let value = 0;
  for (let i = at + 1; i <= at + 3; i++) {
    const digit = text[i]! - ZERO;
    if (digit < 0 || digit > 7) return -1;
    value = value * 8 + digit;
  }
  return value > 0xff ? -1 : value;
}

/** Undoes the `\040` of proc_pid_mountinfo(5) and statmount(2); a backslash without three octal digits stays. */
export function decodeMountinfoOctal(text: Uint8Array): Buffer {
  const bytes = asBuffer(text);
  if (!bytes.includes(BACKSLASH)) return bytes;
  const decoded = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  for (let i = 0; i < bytes.length; i++) {
    const value = bytes[i] === BACKSLASH ? octalAt(bytes, i) : -1;
    if (value >= 0) i += 3;
    decoded[length++] = value >= 0 ? value : bytes[i]!;
  }
  return decoded.subarray(0, length);
}

const OCTAL: ReadonlyMap<number, string> = new Map(
  [SPACE, TAB, NEWLINE, BACKSLASH, COMMA, HASH].map((byte) => [
    byte,
    `\\${byte.toString(8).padStart(3, '0')}`,
  ]),
);

/** The octal escapes that the kernel uses in any of its fields: space, tab, newline, `\`, `,` and `#`. */
export function encodeMountinfoOctal(bytes: Uint8Array): Buffer {
  let text = '';
  for (const byte of bytes) text += OCTAL.get(byte) ?? String.fromCharCode(byte);
  return Buffer.from(text, 'latin1');
}
