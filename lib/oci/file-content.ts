// The content of one file: small ones go with the batch they are in, large and sparse ones have an open file of their own.
import { ftruncate, write } from 'node:fs';
import { promisify } from 'node:util';
import type { TarEntry } from '../format/tar/entry.ts';
import { close } from '../kernel/call.ts';
import { KEEP, Program } from '../kernel/program.ts';
import type { Batches } from './batch.ts';
import type { Creation } from './creation.ts';
import type { Attributes, TreeNode } from './tree.ts';

// What is larger is written from where it was decompressed to, without the copies that a batch takes.
const LARGE = 64 * 1024;

const writeAsync = promisify(write);
const truncateAsync = promisify(ftruncate);

export interface FileContent {
  /** The bytes stay as they are until the next call. */
  write(offset: number, bytes: Buffer): void | Promise<void>;
  end(): void | Promise<void>;
  /** After a failure. */
  abandon(): Promise<void>;
}

class SmallFile implements FileContent {
  readonly #batches: Batches;
  readonly #creation: Creation;
  readonly #attributes: Attributes;
  readonly #file: number;

  constructor(batches: Batches, creation: Creation, parent: TreeNode, name: string, attributes: Attributes) {
    this.#batches = batches;
    this.#creation = creation;
    this.#attributes = attributes;
    this.#file = creation.open(parent, name, attributes, 0);
  }

  write(_offset: number, bytes: Buffer): void {
    this.#batches.program.add('write', 0, this.#file, bytes);
    this.#batches.weigh(bytes.length);
  }

  end(): void {
    this.#creation.finish(this.#file, this.#attributes);
    this.#batches.program.close(this.#file);
  }

  async abandon(): Promise<void> {}
}

class LargeFile implements FileContent {
  readonly #batches: Batches;
  readonly #creation: Creation;
  readonly #attributes: Attributes;
  readonly #path: string;
  readonly #size: number;
  readonly #holes: boolean;
  readonly #fd: number;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    batches: Batches,
    creation: Creation,
    attributes: Attributes,
    fd: number,
    path: string,
    entry: TarEntry,
  ) {
    this.#batches = batches;
    this.#creation = creation;
    this.#attributes = attributes;
    this.#fd = fd;
    this.#path = path;
    this.#size = entry.size;
    this.#holes = entry.extents !== undefined;
  }

  async write(offset: number, bytes: Buffer): Promise<void> {
    await this.#writing;
    this.#writing = this.#put(offset, bytes);
    // Thrown when it is next waited for.
    this.#writing.catch(() => {});
  }

  async #put(offset: number, bytes: Buffer): Promise<void> {
    try {
      for (let done = 0; done < bytes.length; ) {
        const { bytesWritten } = await writeAsync(this.#fd, bytes, done, bytes.length - done, offset + done);
        done += bytesWritten;
      }
    } catch (error) {
      throw this.#batches.explained(error, this.#path);
    }
  }

  async end(): Promise<void> {
    await this.#writing;
    if (this.#holes) await truncateAsync(this.#fd, this.#size);
    const program = new Program([this.#fd]);
    this.#creation.finish(this.#fd, this.#attributes, program);
    await this.#batches.run(program, [{ step: 0, path: this.#path }]);
  }

  async abandon(): Promise<void> {
    await this.#writing.catch(() => {});
    close(this.#fd);
  }
}

/** Makes the file; what is written must be within its size. */
export async function makeFile(
  batches: Batches,
  creation: Creation,
  parent: TreeNode,
  name: string,
  entry: TarEntry,
  attributes: Attributes,
): Promise<FileContent> {
  if (entry.size <= LARGE && entry.extents === undefined)
    return new SmallFile(batches, creation, parent, name, attributes);
  const { program } = batches;
  const step = creation.open(parent, name, attributes, KEEP);
  await batches.settle();
  return new LargeFile(batches, creation, attributes, program.value(step), `${parent.path}/${name}`, entry);
}
