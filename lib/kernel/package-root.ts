// Where the package lies, from wherever the build has put this file.
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';

/** The directory with binding.gyp, which is shipped beside the prebuilt addons. */
export function packageRoot(): string {
  let directory = import.meta.dirname;
  while (directory !== '/' && !existsSync(`${directory}/binding.gyp`)) directory = dirname(directory);
  return directory;
}
