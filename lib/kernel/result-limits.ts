// How many bytes a call can give at most.

const limits: Readonly<Record<string, number>> = {
  statx: 256,
  fstatfs: 64,
  ioctl: 64,
  readlinkat: 4096,
  getxattr: 65536,
  listxattr: 65536,
  // 256 levels.
  ancestors: 4096,
};

// What the last argument of the others counts, in bytes; with those that are not here it counts bytes.
const units: Readonly<Record<string, number>> = { listmount: 8, scan_directory: 8, scan_entries: 8 };

/** @param last the call's last argument, which tells for some how much they may give */
export function mostBytes(name: string, last: unknown): number {
  return limits[name] ?? (units[name] ?? 1) * Number(last);
}
