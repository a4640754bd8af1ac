// Records of the kernel log as /dev/kmsg gives them, and which lines of the overlay driver speak of given paths.

/** The text of a record that the kernel itself wrote; undefined for one that a program wrote. Source: Documentation/ABI/testing/dev-kmsg. */
export function textOfRecord(record: Uint8Array): Buffer | undefined {
  const text = Buffer.from(record).toString('latin1');
  // Level and facility in one number, number of the record, time, flags; more fields may come.
  const head = /^(\d+),[^;\n]*;/.exec(text);
  if (head === null || Number(head[1]) >> 3 !== 0) return undefined;
  const [line = ''] = text.slice(head[0].length).split('\n');
  const bytes = line.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(bytes, 'latin1');
}

// In quotes, in brackets, or a word by itself that begins with a slash.
const PATHS = /'([^']*\/[^']*)'|\(([^\s,)=]*\/[^\s,)]*)|(?:^|\s)(\/[^\s,]*)/g;

// Itself, and the two directories that it lies in: the driver names what it makes in a work directory.
function withParents(path: string): string[] {
  const first = path.slice(0, path.lastIndexOf('/'));
  return [path, first, first.slice(0, first.lastIndexOf('/'))].filter((part) => !['', '/'].includes(part));
}

/** The paths in a line are these, or ends of these, or lie in these; undefined when there are none in it. */
function speaksOf(line: string, paths: readonly string[]): boolean | undefined {
  if (paths.some((path) => line.includes(path))) return true;
  const named = [...line.matchAll(PATHS)].map(
    ([, quoted, bracketed, bare]) => quoted ?? bracketed ?? bare ?? '',
  );
  if (named.length === 0) return undefined;
  return named.every((name) =>
    withParents(name).some((part) =>
      paths.some((path) => path.endsWith(part.startsWith('/') ? part : `/${part}`)),
    ),
  );
}

/**
 * The lines of the overlay driver that can be of a mount of these paths. One that names no path at all is left out when
 * another stands beside it, which may be of somebody else's mount, or when it is known that there may be (`alone` is false).
 */
export function overlayLines(
  records: readonly Uint8Array[],
  paths: readonly Uint8Array[],
  alone: boolean,
): string[] {
  const names = paths.map((path) => Buffer.from(path).toString('latin1'));
  const lines = records
    .map(textOfRecord)
    .filter((text) => text !== undefined)
    .map((text) => ({ text, line: text.toString('latin1') }))
    .filter(({ line }) => /^overlay(fs)?: /.test(line))
    .map(({ text, line }) => ({ text: text.toString(), ours: speaksOf(line, names) }));
  const certain = alone && new Set(lines.map(({ text }) => text)).size === 1;
  return lines.filter(({ ours }) => ours ?? certain).map(({ text }) => text);
}
