// Builds the command-line program: CommonJS, and what a start needs in two files, since most of a start is loading.
//
// An ES module as the program costs Node four milliseconds more than a CommonJS one, and what is parsed 30 more for each
// megabyte. So the program is built by itself, and what only a failure or a rare option needs lies in other files.
import { chmodSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { build } from 'rolldown';

/** Modules that are loaded by the first call of a function of theirs. What they give must be functions, and nothing else. */
const LATE = [
  'lib/diagnosis/descriptor-limit.ts',
  'lib/diagnosis/in-use.ts',
  'lib/diagnosis/mount-failure.ts',
  'lib/diagnosis/namespace-failure.ts',
  'lib/diagnosis/unmount-failure.ts',
  'lib/format/check-options.ts',
  'lib/format/nearest-name.ts',
  'lib/format/option-text.ts',
  'lib/kernel/mount-table.ts',
  'lib/layer/opened-changes.ts',
  'lib/layer/path-failure.ts',
  'lib/mount/attach.ts',
  'lib/mount/depth-rootless.ts',
  'lib/mount/explain-step.ts',
  'lib/mount/findings.ts',
  'lib/mount/id-ranges.ts',
  'lib/mount/perform-rootless.ts',
  'lib/mount/root-xattrs.ts',
  'lib/mount/scratch-in-namespace.ts',
  'lib/mount/scratch-on-disk.ts',
  'lib/mount/spec-options.ts',
  'lib/mount/sweep.ts',
  'lib/mount/volatile.ts',
  'lib/mount/work-directory.ts',
  'lib/run/not-started.ts',
  'lib/run/view-changes.ts',
];

const lateName = (file) => `late-${basename(file, '.ts')}`;
const STAND_IN = '\0late:';

/** The functions that a module gives. @throws when it gives values of another kind */
function functionsOf(file) {
  const text = readFileSync(file, 'utf8');
  const given = [...text.matchAll(/^export (?!type |interface )(.*)$/gm)].map(([, rest]) => rest);
  return given.map((rest) => {
    const [, name] = /^(?:async )?function\*? (\w+)/.exec(rest) ?? [];
    if (name === undefined) throw new Error(`${file} cannot be loaded late: it exports ${rest}`);
    return name;
  });
}

function standInFor(file) {
  const functions = functionsOf(file).map(
    (name) => `export const ${name} = (...args) => load().${name}(...args);`,
  );
  return [`let loaded;\nconst load = () => (loaded ??= require('${lateName(file)}'));`, ...functions].join(
    '\n',
  );
}

// Whoever imports a late module, but for its own file, gets functions that load it when they are called.
function loadingLate(root) {
  const late = new Set(LATE.map((file) => join(root, file)));
  return {
    name: 'late',
    resolveId(source, importer) {
      if (source.startsWith('late-')) return { id: source, external: true };
      if (importer === undefined || !source.startsWith('.')) return null;
      const file = resolve(importer, '..', source);
      return late.has(file) ? `${STAND_IN}${file}` : null;
    },
    load: (id) => (id.startsWith(STAND_IN) ? standInFor(id.slice(STAND_IN.length)) : null),
  };
}

/** What `overlayfs run` needs when all goes well. */
async function startingModules(common, plugins) {
  const later = { name: 'later', resolveDynamicImport: () => ({ id: 'node:later', external: true }) };
  const { output } = await build({
    ...common,
    input: { main: 'lib/cli/main.ts', run: 'lib/cli/run.ts' },
    write: false,
    plugins: [...plugins, later],
  });
  return new Set(output.flatMap((chunk) => Object.keys(chunk.modules ?? {})));
}

// V8 takes a text of ASCII as it is in the file; in strings, patterns and templates an escape means the same.
const inAscii = (code) =>
  code.replace(/[\u0080-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

const EXPORTS = /(?:exports\.[\w$]+=[\w$]+[,;])+\s*$/;

// As V8 is given it (lib/cli/entry.ts): text that was put together first would be in memory twice. Some 250 names for files
// that are seldom loaded take a third of a millisecond to export, so that is left to who asks for them. Nothing of what is
// exported changes later.
function asFunction(code) {
  const [exported] = EXPORTS.exec(code) ?? [];
  if (exported === undefined) throw new Error('the program does not end with its exports');
  const body = code.slice(0, -exported.length);
  if (body.includes('exports.')) throw new Error('the program exports something before its end');
  if (!body.includes('async function main()')) throw new Error('the program has no main()');
  return `(function(exports,require,module,__filename,__dirname){${body};return{main,fill(){${exported}}}\n})`;
}

// After the minifier, which writes characters as they are.
const plain = {
  name: 'plain',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) if (chunk.type === 'chunk') chunk.code = inAscii(chunk.code);
    const program = Object.values(bundle).find(({ name }) => name === 'program');
    program.code = asFunction(program.code);
  },
};

// Names are kept, for the stacks of errors that nobody foresaw.
const minify = {
  compress: true,
  mangle: { keepNames: { function: true, class: true } },
  codegen: { removeWhitespace: true },
};

/** @param common what all builds share; `cwd` is the checkout. @param dir where the program goes */
export async function buildProgram(common, dir) {
  const plugins = [loadingLate(common.cwd)];
  const starting = await startingModules(common, plugins);
  const late = LATE.map((file) => [lateName(file), file]);
  const { output } = await build({
    ...common,
    plugins: [...plugins, plain],
    input: { program: 'lib/cli/main.ts', ...Object.fromEntries(late) },
    preserveEntrySignatures: 'allow-extension',
    output: {
      dir,
      format: 'cjs',
      entryFileNames: ({ name }) => (name === 'program' ? '[name]-[hash].cjs' : '[name].cjs'),
      chunkFileNames: '[name]-[hash].cjs',
      paths: (id) => (id.startsWith('late-') ? `./${id}.cjs` : id),
      minify,
      codeSplitting: {
        includeDependenciesRecursively: false,
        groups: [{ name: 'program', test: (id) => starting.has(id) }],
      },
    },
  });
  const program = output.find(({ name }) => name === 'program');
  await build({
    ...common,
    input: { main: 'lib/cli/entry.ts' },
    transform: { ...common.transform, define: { PROGRAM: JSON.stringify(program.fileName) } },
    output: { dir, format: 'cjs', entryFileNames: '[name].cjs', minify },
  });
  // Nobody imports from here.
  for (const name of readdirSync(dir)) if (name.endsWith('.d.ts')) rmSync(join(dir, name));
  chmodSync(join(dir, 'main.cjs'), 0o755);
}
