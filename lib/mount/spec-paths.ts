// The layers and the target of a spec: checked, and made absolute without a system call.
import { readlinkSync } from 'node:fs';
import { type Subject, subjectText } from '../diagnosis/subject.ts';
import { FormatError } from '../format/format-error.ts';
import { fieldOf, textOf } from '../format/given.ts';
import type { PathLike } from '../format/mount-spec.ts';
import { pathToBytes } from '../format/path-bytes.ts';
import { refuse, wrongType } from './refuse.ts';

/** A layer: where in the spec it stands, and its absolute path or open directory. */
export interface Layer extends Subject {
  readonly option: 'lower' | 'data' | 'upper' | 'work';
  /** As given. */
  readonly path?: string | Uint8Array | undefined;
  /** What the kernel gets: absolute. A string only where no byte can be lost. */
  readonly absolute?: string | Buffer | undefined;
  readonly fd?: number | undefined;
}

export interface Target extends Subject {
  /** `dir`: what features() looks at; `upperOn`: where scratch() works; `at` and `cwd`: of run(). */
  readonly option: 'target' | 'dir' | 'upperOn' | 'at' | 'cwd';
  readonly path: string | Uint8Array;
  readonly absolute: string | Buffer;
}

// The usual path needs nothing but a look.
function isPlain(path: unknown): path is string {
  return (
    typeof path === 'string' && path.charCodeAt(0) === 0x2f && !path.includes('\0') && path.isWellFormed()
  );
}

// Bytes only where it is no text: Node has it as text alone, in which they are lost.
function currentDirectory(subject: Subject): string | Buffer {
  try {
    const text = process.cwd();
    return text.includes('\ufffd') ? readlinkSync('/proc/self/cwd', { encoding: 'buffer' }) : text;
  } catch {
    return refuse(
      'ERR_OVERLAY_NOT_FOUND',
      subject,
      `${subjectText(subject)} is relative, and the current directory, which it starts from, has been removed`,
      'pass an absolute path, or change to a directory that exists (process.chdir)',
    );
  }
}

// A path in the kernel's form. Strings stay strings on the way to it: encoding them twice would cost more than a call.
function absolutePath(path: PathLike, subject: Subject): string | Buffer {
  if (typeof path !== 'string') {
    const bytes = pathBytes(path, subject);
    if (bytes[0] === 0x2f) return bytes;
    return Buffer.concat([Buffer.from(currentDirectory(subject)), Buffer.from('/'), bytes]);
  }
  if (path === '') {
    refuse(
      'ERR_OVERLAY_EMPTY_PATH',
      subject,
      `${subjectText(subject)}: the path is empty`,
      'name a directory',
    );
  }
  if (path.includes('\0')) {
    refuse(
      'ERR_OVERLAY_NUL_BYTE',
      subject,
      `${subjectText(subject)}: the path contains a NUL byte, which no path can`,
      'remove the NUL byte',
    );
  }
  const first = path.charCodeAt(0);
  if (first === 0x2f) return path.isWellFormed() ? path : pathBytes(path, subject);
  if (first === 0x7e && (path.length === 1 || path.charCodeAt(1) === 0x2f)) refuseTilde(path, subject);
  const [above, below] = [currentDirectory(subject), pathBytes(path, subject)];
  return typeof above === 'string' ? `${above}/${below}` : Buffer.concat([above, Buffer.from('/'), below]);
}

function refuseTilde(path: string, subject: Subject): never {
  const home = process.env.HOME ?? '$HOME';
  const expanded = `${home}${path.slice(1)}`;
  return refuse(
    'ERR_OVERLAY_TILDE',
    subject,
    `${subjectText(subject)}: "~" is expanded by shells only; here it would be a directory named "~"`,
    `write ${JSON.stringify(expanded)}, or ${JSON.stringify(`./${path}`)} if the directory is really named "~"`,
  );
}

function pathBytes(path: PathLike, subject: Subject): Buffer {
  try {
    return pathToBytes(path, subject.option);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const nul = path instanceof Uint8Array && path.includes(0);
    const empty = path instanceof Uint8Array && path.length === 0;
    const code = nul ? 'ERR_OVERLAY_NUL_BYTE' : empty ? 'ERR_OVERLAY_EMPTY_PATH' : 'ERR_OVERLAY_INVALID_PATH';
    return refuse(code, subject, error.message, error.hint);
  }
}

function isPath(value: unknown): value is PathLike {
  return typeof value === 'string' || value instanceof Uint8Array || value instanceof URL;
}

function givenPath(path: PathLike): string | Uint8Array {
  return path instanceof URL ? path.href : path;
}

export function readLayer(value: unknown, option: Layer['option'], index?: number): Layer {
  // Always the same properties in the same order: there can be 500 of these.
  if (isPlain(value)) return { option, index, path: value, absolute: value, fd: undefined };
  const name = index === undefined ? option : `${option}[${index}]`;
  const place = index === undefined ? { option } : { option, index };
  if (isPath(value)) {
    const subject = { ...place, path: givenPath(value) };
    return { ...subject, absolute: absolutePath(value, subject) };
  }
  const fd = typeof value === 'object' && value !== null ? fieldOf(value, 'fd', option) : undefined;
  if (fd === undefined)
    return wrongType(option, 'a path (string, Buffer or file: URL) or an object with fd', value, index);
  if (!Number.isInteger(fd) || (fd as number) < 0 || (fd as number) > 0x3fff_ffff) {
    refuse(
      'ERR_OVERLAY_INVALID_DESCRIPTOR',
      place,
      `${name}: fd is ${textOf(fd)}, which is no descriptor`,
      'pass an open fs.FileHandle, or { fd } of a directory that is open',
    );
  }
  return { ...place, fd: fd as number };
}

export function readLayers(value: unknown, option: 'lower' | 'data'): Layer[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return [readLayer(value, option, 0)];
  const layers: Layer[] = [];
  for (let i = 0; i < value.length; i++) layers.push(readLayer(value[i], option, i));
  return layers;
}

/** A path that is no layer; undefined when there is none. */
export function readTarget(path: unknown, option: Target['option'] = 'target'): Target | undefined {
  if (path === undefined) return undefined;
  if (isPlain(path)) return { option, path, absolute: path };
  if (!isPath(path)) return wrongType(option, 'a path (string, Buffer or file: URL)', path);
  const subject = { option, path: givenPath(path) };
  return { ...subject, absolute: absolutePath(path, subject) };
}
