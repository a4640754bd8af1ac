// Layers for tests: archives of entries given in a line each.
import type { TarEntry } from '../../lib/format/tar/entry.ts';
import {
  END_OF_ARCHIVE,
  formatEntry,
  paddingBytes,
  type WritableEntry,
} from '../../lib/format/tar/writer.ts';

const NOTHING = Buffer.alloc(0);

export interface GivenEntry extends Partial<Omit<WritableEntry, 'name' | 'linkname' | 'xattrs'>> {
  readonly content?: string | Uint8Array;
  /** Where a link leads; characters are bytes. */
  readonly to?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
}

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');

export const TIME = 1_600_000_000_000_000_000n;

/** One entry with its content. Its type, when not given: `a/` a directory, with `to` a symbolic link, else a file. */
export function entry(name: string, given: GivenEntry = {}): Buffer {
  const { content = '', to, xattrs = {}, ...rest } = given;
  const body = Buffer.from(content as string, 'latin1');
  const guess: TarEntry['type'] = name.endsWith('/') ? 'directory' : to === undefined ? 'file' : 'symlink';
  const type = given.type ?? guess;
  const header = formatEntry({
    name: bytes(name),
    type,
    mode: type === 'directory' ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    uname: NOTHING,
    gname: NOTHING,
    mtime: TIME,
    size: body.length,
    linkname: bytes(to ?? ''),
    device: { major: 0, minor: 0 },
    xattrs: Object.entries(xattrs).map(([key, value]) => ({ name: bytes(key), value: bytes(value) })),
    ...rest,
  });
  return Buffer.concat([header, body, paddingBytes(body.length)]);
}

/** A whole archive of such entries, or of entries made otherwise. */
export function archive(...entries: readonly Buffer[]): Buffer {
  return Buffer.concat([...entries, END_OF_ARCHIVE]);
}

export const file = (name: string, content = '', more: GivenEntry = {}): Buffer =>
  entry(name, { content, ...more });
export const directory = (name: string, more: GivenEntry = {}): Buffer => entry(`${name}/`, more);
export const symlink = (name: string, to: string, more: GivenEntry = {}): Buffer =>
  entry(name, { type: 'symlink', mode: 0o777, to, ...more });
export const hardlink = (name: string, to: string, more: GivenEntry = {}): Buffer =>
  entry(name, { type: 'hardlink', to, ...more });
