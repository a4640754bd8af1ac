// The number of an ioctl(2): which way its structure goes, how large that is, whose it is. Source: asm-generic/ioctl.h.

// powerpc counts the ways in three bits (asm/ioctl.h).
const powerpc = process.arch === 'ppc64';
const DIRECTION_AT = powerpc ? 29 : 30;
type Direction = 'none' | 'in' | 'out' | 'both';
const DIRECTIONS: Readonly<Record<Direction, number>> = powerpc
  ? { none: 1, in: 4, out: 2, both: 6 }
  : { none: 0, in: 1, out: 2, both: 3 };

/** `in`: the kernel reads the structure; `out`: it writes it. */
export function ioctlNumber(direction: Direction, type: number, number: number, size: number): number {
  return DIRECTIONS[direction] * 2 ** DIRECTION_AT + ((size << 16) | (type << 8) | number);
}
