// The numbers in tar headers: octal text, or base-256 in two's complement where octal has no room.

const SPACE = 0x20;
const ZERO = 0x30;
const BINARY = 0x80;
const NEGATIVE = 0x40;

function parseBase256(field: Uint8Array): number | undefined {
  // The first bit says that it is binary, the second is the sign.
  const negative = (field[0]! & NEGATIVE) !== 0;
  let value = BigInt(negative ? (field[0]! | BINARY) - 0x100 : field[0]! & ~BINARY);
  for (let i = 1; i < field.length; i++) value = (value << 8n) | BigInt(field[i]!);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : undefined;
}

/**
 * The number of a field, undefined when it is none. A blank field is 0; spaces and NULs around the digits, and whatever
 * follows a NUL after them, mean nothing.
 */
export function parseNumberField(field: Uint8Array): number | undefined {
  if (field.length > 0 && (field[0]! & BINARY) !== 0) return parseBase256(field);
  let i = 0;
  while (i < field.length && (field[i] === SPACE || field[i] === 0)) i++;
  let value = 0;
  for (; i < field.length && field[i] !== 0 && field[i] !== SPACE; i++) {
    const digit = field[i]! - ZERO;
    if (digit < 0 || digit > 7) return undefined;
    value = value * 8 + digit;
  }
  while (i < field.length && field[i] === SPACE) i++;
  if (i < field.length && field[i] !== 0) return undefined;
  return Number.isSafeInteger(value) ? value : undefined;
}

/** Whether a field of `width` bytes has room for the number in octal, with a NUL behind. */
export function fitsOctal(value: number, width: number): boolean {
  return value >= 0 && value < 8 ** (width - 1);
}

/** The number in octal, with leading zeros and a NUL behind; 0 when it does not fit, since a pax record then says it. */
export function octalField(value: number, width: number): string {
  return `${(fitsOctal(value, width) ? value : 0).toString(8).padStart(width - 1, '0')}\0`;
}
