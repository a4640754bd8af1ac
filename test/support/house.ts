// The rules of the house as pure functions: each takes the files of a tree and returns what is wrong, one sentence each.
import { dirname, join, normalize } from 'node:path';

/** Texts by their path in the repository, as `lib/mount/plan.ts`. */
export type Files = ReadonlyMap<string, string>;

const floors: Readonly<Record<string, number>> = {
  format: 1,
  kernel: 2,
  ...{ diagnosis: 3, layer: 3 },
  ...{ mount: 4, change: 4 },
  ...{ oci: 5, run: 5 },
  store: 6,
  ...{ cli: 8, testing: 8 },
};
/** The public entry is built of all rooms but the doors for people, and these may come in by it. */
const indexFloor = 7;

/** The text without comments, and on request with the content of strings blanked; lines keep their numbers. */
export function codeOf(text: string, strings: 'kept' | 'blanked' = 'kept'): string {
  const token =
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\[\s\S]|[^`\\])*`|\/(?![*/\s])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/(?=[dgimsuvy]*\s*[.,;)\]:}])/g;
  return text.replace(token, (found) => {
    if (/^\/[/*]/.test(found)) return found.replace(/[^\n]/g, ' ');
    if (strings === 'kept' && !found.startsWith('/')) return found;
    return found[0] + found.slice(1, -1).replace(/[^\n]/g, ' ') + found.at(-1);
  });
}

/** What a module imports, re-exports, or imports when it runs; types too, since knowing a type is knowing the room. */
export function importsOf(text: string): string[] {
  const code = codeOf(text);
  const from = /(?:^|[;}\s])(?:import|export)\s(?:[^;'"`]*?\sfrom\s*)?['"]([^'"]+)['"]/g;
  const call = /\bimport\s*\(\s*['"`]([^'"`]+)['"`]/g;
  return [from, call].flatMap((pattern) => [...code.matchAll(pattern)].map(([, specifier]) => specifier!));
}

function libraryImports(file: string, text: string): string[] {
  return importsOf(text)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => normalize(join(dirname(file), specifier)));
}

function library(files: Files): [string, string][] {
  return [...files].filter(([file]) => /^lib\/.*\.ts$/.test(file));
}

function roomOf(file: string): string {
  return file.split('/')[1]!;
}

function floorOf(file: string): number | undefined {
  return file === 'lib/index.ts' ? indexFloor : file.split('/').length > 2 ? floors[roomOf(file)] : undefined;
}

/** Imports run downwards, and rooms on one floor do not know each other. */
export function floorProblems(files: Files): string[] {
  return library(files).flatMap(([file, text]) => {
    const floor = floorOf(file);
    if (floor === undefined) return [`${file} is in no room of the house`];
    return libraryImports(file, text).flatMap((target) => {
      if (!files.has(target)) return [`${file} imports ${target}, which is not there`];
      if (!target.startsWith('lib/')) return [`${file} imports ${target} from outside lib/`];
      const below = floorOf(target);
      const fine = below !== undefined && (below < floor || roomOf(target) === roomOf(file));
      return fine ? [] : [`${file} imports ${target}, which is not on a lower floor`];
    });
  });
}

/** No module reaches itself; each cycle is told once, from its first file. */
export function cycleProblems(files: Files): string[] {
  const graph = new Map(library(files).map(([file, text]) => [file, libraryImports(file, text)]));
  const problems: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    const start = way.indexOf(file);
    if (start >= 0) problems.push(`import cycle: ${[...way.slice(start), file].join(' → ')}`);
    if (start >= 0 || done.has(file)) return;
    for (const target of graph.get(file) ?? []) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  return problems;
}

/** lib/index.ts and the index of a room hold nothing but re-exports. */
export function indexProblems(files: Files): string[] {
  return library(files)
    .filter(([file]) => file.endsWith('/index.ts'))
    .filter(([, text]) =>
      codeOf(text)
        .replace(/\bexport\s+(?:type\s+)?(?:\*(?:\s+as\s+\w+)?|\{[^}]*\})\s+from\s+(['"])[^'"]+\1\s*;?/g, '')
        .trim(),
    )
    .map(([file]) => `${file} does more than re-export`);
}

const largest = 250;
const large = 120;

function sized(files: Files): { file: string; lines: number }[] {
  return [...files]
    .filter(([file]) => /^(?:lib|native)\//.test(file))
    .map(([file, text]) => ({ file, lines: text.split('\n').length - (text.endsWith('\n') ? 1 : 0) }));
}

export function sizeProblems(files: Files): string[] {
  return sized(files)
    .filter(({ lines }) => lines > largest)
    .map(({ file, lines }) => `${file} has ${lines} lines, more than ${largest}`);
}

/** Files that grow: allowed, but worth a look. */
export function sizeWarnings(files: Files): string[] {
  return sized(files)
    .filter(({ lines }) => lines > large && lines <= largest)
    .map(({ file, lines }) => `${file} (${lines} lines)`);
}

const onlyLoader = 'lib/kernel/addon.ts';

/** One file loads the addon: only it may name a .node file or dlopen. */
export function addonProblems(files: Files): string[] {
  const loaders = library(files)
    .filter(([, text]) => /\.node['"`]|\bdlopen\b|['"]node-gyp-build['"]|['"]bindings['"]/.test(codeOf(text)))
    .map(([file]) => file);
  const wrong = loaders.filter((file) => file !== onlyLoader).map((file) => `${file} loads an addon`);
  return loaders.includes(onlyLoader) ? wrong : [...wrong, `${onlyLoader} does not load the addon`];
}

const inputOutput =
  /^(?:node:)?(?:fs|child_process|os|net|tls|dns|dgram|http|https|http2|tty|readline|repl|cluster|worker_threads|inspector|process|module|vm)(?:\/|$)/;

/** format/ turns text and bytes into values and does nothing else. */
export function formatProblems(files: Files): string[] {
  return library(files)
    .filter(([file]) => roomOf(file) === 'format')
    .flatMap(([file, text]) => [
      ...importsOf(text)
        .filter((specifier) => inputOutput.test(specifier))
        .map((specifier) => `${file} imports ${specifier}`),
      ...[
        ...codeOf(text, 'blanked').matchAll(
          /(?<![.\w$])(?:process|console|fetch|require|setTimeout|setInterval)\s*[.([]/g,
        ),
      ].map(([use]) => `${file} uses ${use.match(/\w+/)}`),
    ]);
}

/** Bags have names that say nothing. */
export function nameProblems(files: Files): string[] {
  const bag = /^(?:utils?|helpers?|commons?|misc|managers?)$/i;
  return [...files.keys()]
    .filter((file) =>
      file
        .split('/')
        .some((part) => part.split(/[^A-Za-z]+|(?<=[a-z])(?=[A-Z])/).some((word) => bag.test(word))),
    )
    .map((file) => `${file}: name it after what it knows`);
}

/** Every file opens with a comment that says its idea in a sentence. */
export function openingProblems(files: Files): string[] {
  return [...files]
    .filter(([file]) => /^(?:lib\/.*\.ts|native\/.*\.(?:cc|h))$/.test(file))
    .filter(([, text]) => !opensWithSentence(text))
    .map(([file]) => `${file} does not open with a comment sentence`);
}

function opensWithSentence(text: string): boolean {
  const comment = /^(?:#!.*\n)?\s*(?:((?:\/\/.*\n)+)|\/\*([\s\S]*?)\*\/)/.exec(text);
  const words = (comment?.[1] ?? comment?.[2] ?? '').replace(/^[\s/*]+/gm, ' ').trim();
  return /^\S+(?:\s+\S+){3,}/.test(words) && /[.:!?](?:\s|$)/.test(words);
}

/** A module with types alone has nothing to run. */
export function isTypesOnly(text: string): boolean {
  const code = codeOf(text, 'blanked');
  return !/(?:^|[;}\n])\s*(?:export\s+(?:default|const|let|var|async|function|class|enum|\*|\{)|const|let|var|function|class)\b|export\s*[*{]/.test(
    code,
  );
}

/** Each file of lib/ has the test of its name, or one that `testedBy` names for it. */
export function mirrorProblems(files: Files, testedBy: Readonly<Record<string, string>>): string[] {
  const missing = library(files)
    .filter(([file, text]) => !file.endsWith('/index.ts') && !isTypesOnly(text) && !(file in testedBy))
    .map(([file]) => ({ file, test: file.replace(/^lib\//, 'test/').replace(/\.ts$/, '.test.ts') }))
    .filter(({ test }) => !files.has(test))
    .map(({ file, test }) => `${file} has no ${test}`);
  const stale = Object.entries(testedBy).flatMap((pair) =>
    pair.filter((file) => !files.has(file)).map((file) => `testedBy names ${file}, which is not there`),
  );
  return [...missing, ...stale];
}
