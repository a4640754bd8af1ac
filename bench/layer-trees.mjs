// The trees that the benchmarks of layers look at: flat and deep ones, a big lower, and a few changes.
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const touch = (path) => closeSync(openSync(path, 'wx'));

// One directory with so many files.
export function makeFlat(root, count) {
  mkdirSync(root);
  for (let i = 0; i < count; i++) touch(join(root, `file-${i}`));
  return root;
}

// So many entries, a tenth of them directories of nine files, as trees of sources are.
export function makeDeep(root, count) {
  mkdirSync(root);
  for (let made = 0; made < count; ) {
    const outer = join(root, `d${made}`);
    mkdirSync(outer);
    made++;
    for (let i = 0; i < 100 && made < count; i++) {
      const inner = join(outer, `e${i}`);
      mkdirSync(inner);
      made++;
      for (let j = 0; j < 9 && made < count; j++, made++) touch(join(inner, `file${j}`));
    }
  }
  return root;
}

// A lower of so many small files, 100 in each directory.
export function makeLower(root, files) {
  mkdirSync(root);
  for (let i = 0; i < files; i++) {
    const directory = join(root, `d${Math.floor(i / 100)}`);
    if (i % 100 === 0) mkdirSync(directory);
    writeFileSync(join(directory, `file${i % 100}`), `the content of file ${i}\n`.repeat(4));
  }
  return root;
}

// Changes `count` of the `files` of such a tree, spread over it.
export function change(root, count, files) {
  for (let i = 0; i < count; i++) {
    const file = Math.floor((i * files) / count);
    writeFileSync(join(root, `d${Math.floor(file / 100)}`, `file${file % 100}`), `changed ${i}\n`);
  }
}
