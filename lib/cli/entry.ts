#!/usr/bin/env node
// The file that npm links: starts the program with what V8 compiled of it in an earlier run, which lies beside it.
//
// Most of a short run is the compiling of functions. What V8 made of them is kept where the program itself lies: whoever
// can change it there can change the program too, which is said of no directory for temporary files or caches.
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { Script } from 'node:vm';

/** Its name beside this file; the build puts it in. */
declare const PROGRAM: string;

const file = `${import.meta.dirname}/${PROGRAM}`;
// What another V8, another processor or other flags made of it V8 refuses by itself.
const compiled = `${file}.${process.version}-${process.arch}`;

function read(): Buffer | undefined {
  try {
    return readFileSync(compiled);
  } catch {
    return undefined;
  }
}

// Of somebody who was killed while he wrote it; who still writes takes some milliseconds.
function isLeft(file: string): boolean {
  return Date.now() - statSync(file).mtimeMs > 60_000;
}

// It is no failure where nobody may write, as in most installations for all users: they start as they did.
function keep(script: Script): void {
  const fresh = `${compiled}-new`;
  let fd: number | undefined;
  try {
    if (existsSync(fresh) && isLeft(fresh)) unlinkSync(fresh);
    fd = openSync(fresh, 'wx');
    writeSync(fd, script.createCachedData());
    // V8 looks at its length alone: what is not on disk yet must never have the name.
    fsyncSync(fd);
    renameSync(fresh, compiled);
  } catch {
    if (fd !== undefined) unlinkSync(fresh);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

function start(): void {
  const cachedData = read();
  // As the build leaves it: ASCII, and a function of what Node gives to every module, that gives what fills the exports.
  const script = new Script(readFileSync(file, 'latin1'), {
    filename: file,
    ...(cachedData && { cachedData }),
  });
  // Its class, without `node:module`, which loads the loader of ES modules too.
  const Module = module.constructor as typeof import('node:module').Module;
  const program = new Module(file);
  program.filename = file;
  // What the program loads later asks for it by its name.
  require.cache[file] = program;
  const given = program.exports;
  const { main, fill } = script.runInThisContext()(given, require, program, file, import.meta.dirname);
  program.loaded = true;
  // Filled for the first who asks.
  Object.defineProperty(program, 'exports', {
    configurable: true,
    get() {
      Object.defineProperty(program, 'exports', { value: given });
      fill();
      return given;
    },
  });
  // Of a command that is there for a long time nobody waits for the first milliseconds.
  if (process.argv[2] === 'run' && (cachedData === undefined || script.cachedDataRejected))
    process.once('exit', () => keep(script));
  void main();
}

try {
  start();
} catch (error) {
  // As an addon that cannot be loaded: a sentence, and not the text of the program.
  if (!(error instanceof Error && 'code' in error)) throw error;
  writeSync(2, `overlayfs: ${error.message}\n`);
  process.exitCode = 1;
}
