// Extended attributes as pax records: `SCHILY.xattr.NAME` with the bare value, and libarchive's own form.
//
// A keyword ends at the first `=`. GNU tar and libarchive therefore write `%3D` for it in names, and `%25` for `%`; Go's
// writers write `%` as it is. So `%3D` and `%25` are undone, and written where they would be misread, and nowhere else.
import type { Xattr } from './entry.ts';
import type { PaxRecord } from './pax-records.ts';

const SCHILY = 'SCHILY.xattr.';
const LIBARCHIVE = 'LIBARCHIVE.xattr.';

function schily({ keyword, value }: PaxRecord): Xattr {
  const name = keyword.slice(SCHILY.length).replace(/%(?:3[Dd]|25)/g, decodeURIComponent);
  return { name: Buffer.from(name, 'latin1'), value };
}

function libarchive({ keyword, value }: PaxRecord): Xattr {
  const name = keyword
    .slice(LIBARCHIVE.length)
    .replace(/%([0-9A-Fa-f]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  return { name: Buffer.from(name, 'latin1'), value: Buffer.from(value.toString('latin1'), 'base64') };
}

/** The attributes that records tell, the last of each name. bsdtar writes both forms, of which its own is the clearer. */
export function xattrsOf(records: readonly PaxRecord[]): Xattr[] {
  const own = records.filter(({ keyword }) => keyword.startsWith(LIBARCHIVE)).map(libarchive);
  const all = own.length > 0 ? own : records.filter(({ keyword }) => keyword.startsWith(SCHILY)).map(schily);
  return [...new Map(all.map((xattr) => [xattr.name.toString('latin1'), xattr])).values()];
}

/** The record of one attribute. */
export function xattrRecord({ name, value }: Xattr): PaxRecord {
  const escaped = name
    .toString('latin1')
    .replace(/%(?=3[Dd]|25)/g, '%25')
    .replaceAll('=', '%3D');
  return { keyword: `${SCHILY}${escaped}`, value };
}
