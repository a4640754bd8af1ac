// What the tour sees when it looks at its directories: read from the disk each time, never taken for granted.
import { type BigIntStats, existsSync, lstatSync, readdirSync, readFileSync, type Stats } from 'node:fs';
import { join } from 'node:path';

/** Names and what is there: the content of a file, or what it is instead. */
export type Listing = Readonly<Record<string, string>>;

function device({ rdev }: Stats | BigIntStats): string {
  const number = Number(rdev);
  return `${(number >> 8) & 0xfff},${(number & 0xff) | ((number >> 12) & 0xfff00)}`;
}

/** In the words of stat(1). */
export function kindOf(path: string): string {
  const stat = lstatSync(path);
  if (stat.isCharacterDevice()) return `character special file ${device(stat)}`;
  if (stat.isDirectory()) return 'directory';
  return stat.isFile() ? 'regular file' : 'something else';
}

function shows(path: string): string {
  return lstatSync(path).isFile() ? JSON.stringify(readFileSync(path, 'utf8').trimEnd()) : kindOf(path);
}

/** All names in a directory. */
export function look(directory: string): Listing {
  return Object.fromEntries(
    readdirSync(directory)
      .sort()
      .map((name) => [name, shows(join(directory, name))]),
  );
}

/** One name in several directories. */
export function lookFor(name: string, directories: readonly string[]): Listing {
  return Object.fromEntries(
    directories.map((directory) => {
      const path = join(directory, name);
      return [path, existsSync(path) ? shows(path) : 'not there'];
    }),
  );
}
