// The JSON that the program prints: paths that are no UTF-8 as `{ "bytes": base64 }`, numbers of any size, maps as objects.

function replacer(this: unknown, key: string, value: unknown): unknown {
  // JSON.stringify has called Buffer's own toJSON by now; the original is in the holder.
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Uint8Array) return { bytes: Buffer.from(original).toString('base64') };
  if (value instanceof Map) return Object.fromEntries(value);
  // An error's message is no field that JSON would take by itself.
  if (value instanceof Error) return { ...value, message: value.message };
  return typeof value === 'bigint' ? String(value) : value;
}

/** @param indent 0: one line */
export function toJson(value: unknown, indent = 2): string {
  return JSON.stringify(value, replacer, indent);
}
