// The files of an image by their names, be it a directory or an archive of one.
import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { FormatError } from '../format/format-error.ts';
import { archivePath } from '../format/oci/docker-archive.ts';
import type { TarEntry } from '../format/tar/entry.ts';
import { BLOCK, isZero, parseHeader } from '../format/tar/header.ts';
import { TarReader } from '../format/tar/reader.ts';
import type { Place } from './blob.ts';
import { explained, failure } from './failure.ts';
import { PIECE } from './given-bytes.ts';

export interface ImageFiles extends AsyncDisposable {
  /** For messages. */
  readonly shown: string;
  has(name: string): boolean | Promise<boolean>;
  /** Where a file is; it may not be there. */
  at(name: string): Place;
}

class DirectoryFiles implements ImageFiles {
  readonly shown: string;
  readonly #root: Buffer;

  constructor(root: Buffer) {
    this.shown = root.toString();
    this.#root = root;
  }

  #bytes(name: string): Buffer {
    return Buffer.concat([this.#root, Buffer.from(`/${name}`)]);
  }

  async has(name: string): Promise<boolean> {
    return await stat(this.#bytes(name)).then(
      (found) => found.isFile(),
      () => false,
    );
  }

  at(name: string): Place {
    return { path: `${this.shown}/${name}`, bytes: this.#bytes(name) };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface Part {
  readonly offset: number;
  readonly size: number;
}

class ArchiveFiles implements ImageFiles {
  readonly shown: string;
  readonly #file: FileHandle;
  readonly #parts: ReadonlyMap<string, Part>;

  readonly #bytes: Buffer;

  constructor(path: Buffer, file: FileHandle, parts: ReadonlyMap<string, Part>) {
    this.shown = path.toString();
    this.#bytes = path;
    this.#file = file;
    this.#parts = parts;
  }

  has(name: string): boolean {
    return this.#parts.has(name);
  }

  at(name: string): Place {
    const part = this.#parts.get(name);
    const path = `${this.shown}:${name}`;
    if (part !== undefined) return { path, bytes: this.#bytes, part: { file: this.#file, ...part } };
    const sentence = `${this.shown} has no ${name} in it`;
    throw failure('ERR_OVERLAY_NOT_FOUND', sentence, 'fetch or make the image again', { path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** Which file a link of `docker save` stands for, as text that can be looked up. */
function targetOf({ name, type, linkname }: TarEntry): string {
  if (type === 'hardlink' || linkname[0] === 0x2f) return archivePath(linkname);
  const parts = name.toString().split('/').slice(0, -1);
  for (const part of linkname.toString().split('/')) {
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return archivePath(parts.join('/'));
}

/** Where each file of the archive is, reading headers alone. */
async function partsOf(file: FileHandle): Promise<Map<string, Part>> {
  const parts = new Map<string, Part>();
  const links = new Map<string, string>();
  const reader = new TarReader({ content: false });
  const buffer = Buffer.allocUnsafeSlow(PIECE);
  const { size } = await file.stat();
  for (let at = 0; at < size; ) {
    const jump = Math.min(reader.skippable, size - at);
    if (jump > 0) {
      reader.jump(jump);
      at += jump;
      continue;
    }
    // Little, since most that follows will be jumped over.
    const { bytesRead } = await file.read(buffer, 0, 8192, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    for (const event of reader.push(buffer.subarray(0, bytesRead))) {
      if (event.kind !== 'entry') continue;
      const { entry, contentAt } = event;
      if (entry.extents !== undefined || entry.type === 'directory') continue;
      const name = archivePath(entry.name);
      if (entry.type === 'file') parts.set(name, { offset: contentAt, size: entry.size });
      else links.set(name, targetOf(entry));
    }
  }
  for (const _ of reader.end());
  for (const [name, target] of links) {
    const part = parts.get(target);
    if (part !== undefined) parts.set(name, part);
  }
  return parts;
}

const COMPRESSED = [
  ['gzip', [0x1f, 0x8b]],
  ['zstd', [0x28, 0xb5, 0x2f, 0xfd]],
] as const;

/** @throws {OverlayError} ERR_OVERLAY_NOT_FOUND, ERR_OVERLAY_NO_ACCESS, those of archives */
export async function openFiles(path: Buffer): Promise<ImageFiles> {
  const shown = path.toString();
  let file: FileHandle | undefined;
  try {
    if ((await stat(path)).isDirectory()) return new DirectoryFiles(path);
    file = await open(path, constants.O_RDONLY);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(BLOCK), 0, BLOCK, 0);
    const start = buffer.subarray(0, bytesRead);
    const packed = COMPRESSED.find(([, magic]) => magic.every((byte, i) => start[i] === byte));
    if (packed !== undefined)
      throw failure(
        'ERR_OVERLAY_IMAGE_COMPRESSED',
        `${shown} is compressed as a whole, so that nothing in it can be found`,
        `decompress it: ${packed[0]} -d`,
        { path: shown },
      );
    if (!isArchive(start))
      throw failure(
        'ERR_OVERLAY_NO_IMAGE',
        `${shown} is no image: it is neither a directory nor a tar archive`,
        'name an OCI layout, an archive of one, or one of docker save',
        { path: shown },
      );
    return new ArchiveFiles(path, file, await partsOf(file));
  } catch (error) {
    await file?.close();
    if (!(error instanceof FormatError)) throw explained(error, shown);
    throw failure(error.code, `${shown}: ${error.message}`, error.hint, { path: shown, cause: error });
  }
}

function isArchive(start: Buffer): boolean {
  try {
    return start.length === BLOCK && (isZero(start) || parseHeader(start, 0) !== undefined);
  } catch (error) {
    if (error instanceof FormatError) return false;
    throw error;
  }
}
