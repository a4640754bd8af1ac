// A tree by the names that random operations use, so that these find something.
import { linkSync, mkdirSync, writeFileSync } from 'node:fs';

const NAMES = ['a', 'b', 'c', 'd'] as const;

/** Four directories of directories and files, some of which have two names. */
export function plant(root: string, links = true): void {
  for (const outer of NAMES) {
    for (const inner of ['a', 'b']) {
      mkdirSync(`${root}/${outer}/${inner}`, { recursive: true });
      for (const name of NAMES) writeFileSync(`${root}/${outer}/${inner}/${name}`, `${outer}${inner}${name}`);
    }
    writeFileSync(`${root}/${outer}/c`, outer);
    if (links) linkSync(`${root}/${outer}/c`, `${root}/${outer}/d`);
  }
}
