// Times of pax records: decimal seconds since 1970 with a fraction, as nanoseconds.

const NANOSECONDS = 1_000_000_000n;

/** Nanoseconds; digits beyond are cut off. Undefined when it is no time, or one that no filesystem could say. */
export function parsePaxTime(text: string): bigint | undefined {
  const parts = /^(-?)(\d{1,18})(?:\.(\d*))?$/.exec(text);
  if (parts === null) return undefined;
  const [, sign, seconds, fraction = ''] = parts;
  const time = BigInt(seconds!) * NANOSECONDS + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -time : time;
}

/** The shortest text of the time. */
export function formatPaxTime(time: bigint): string {
  const size = time < 0n ? -time : time;
  const fraction = String(size % NANOSECONDS)
    .padStart(9, '0')
    .replace(/0+$/, '');
  return `${time < 0n ? '-' : ''}${size / NANOSECONDS}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Whole seconds of a time, rounded down, and the nanoseconds beyond: 0 to 999,999,999. */
export function splitTime(time: bigint): { readonly seconds: number; readonly nanoseconds: number } {
  const nanoseconds = ((time % NANOSECONDS) + NANOSECONDS) % NANOSECONDS;
  return { seconds: Number((time - nanoseconds) / NANOSECONDS), nanoseconds: Number(nanoseconds) };
}

export function joinTime(seconds: number, nanoseconds = 0): bigint {
  return BigInt(seconds) * NANOSECONDS + BigInt(nanoseconds);
}
