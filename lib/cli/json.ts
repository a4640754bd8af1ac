// The JSON that the program prints: paths that are no UTF-8 as `{ "bytes": base64 }`, numbers of any size.

function replacer(this: unknown, key: string, value: unknown): unknown {
  // JSON.stringify has called Buffer's own toJSON by now; the original is in the holder.
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return { bytes: Buffer.from(original).toString('base64') };
  return typeof value === 'bigint' ? String(value) : value;
}

export function toJson(value: unknown): string {
  return JSON.stringify(value, replacer, 2);
}
