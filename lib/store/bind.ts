// A live mount of one directory, attached or not: what a snapshot without layers below it is mounted by.
import { explaining } from '../diagnosis/explaining.ts';
import { explainUnmountFailure } from '../diagnosis/unmount-failure.ts';
import { FLAG, readOptions } from '../format/given.ts';
import type { PathLike, UnmountOptions } from '../format/mount-spec.ts';
import { shown } from '../format/overlay-error.ts';
import { call, callAsync, callSync, close } from '../kernel/call.ts';
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  MNT_DETACH,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../kernel/constants.ts';
import { KernelError } from '../kernel/kernel-error.ts';
import { runAsync } from '../kernel/routine.ts';
import { mountIdIn, STATX_BEST_MNT_ID } from '../kernel/stat.ts';
import { attachMount } from '../mount/attach.ts';
import { readTarget, type Target } from '../mount/spec-paths.ts';
import { refusal } from './refusal.ts';

// linux/mount.h
const MOUNT_ATTR_RDONLY = 1;

export class Bind {
  #fd: number | undefined;
  #target: Target | undefined;
  readonly #id: Buffer;
  #ended = false;

  private constructor(fd: number, id: Buffer) {
    this.#fd = fd;
    this.#id = id;
  }

  /** A detached one. @throws {OverlayError} */
  static async make(directory: Buffer, readOnly: boolean): Promise<Bind> {
    const subject = { option: 'lower', path: directory, absolute: directory } as const;
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
    const fd = await runAsync(explaining(subject, call('open_tree', AT_FDCWD, directory, flags)));
    try {
      if (readOnly) await callAsync('mount_setattr', fd, '', AT_EMPTY_PATH, MOUNT_ATTR_RDONLY, 0, 0, -1);
      const statx = await callAsync('statx', fd, '', AT_EMPTY_PATH, STATX_BEST_MNT_ID);
      return new Bind(fd, Buffer.from(mountIdIn(statx)));
    } catch (error) {
      close(fd);
      throw error;
    }
  }

  get attached(): boolean {
    return this.#target !== undefined && !this.#ended;
  }

  get path(): string {
    return this.#target === undefined ? `/proc/${process.pid}/fd/${this.fd}` : shown(this.#target.absolute);
  }

  get fd(): number {
    if (this.#ended)
      throw refusal(
        'ERR_OVERLAY_ENDED',
        'this mount has been unmounted',
        'use it before unmount(), or mount again',
      );
    this.#fd ??= callSync('openat', AT_FDCWD, this.#target!.absolute, O_PATH | O_DIRECTORY, 0);
    return this.#fd;
  }

  async attach(path: PathLike): Promise<void> {
    const target = readTarget(path);
    if (target === undefined)
      throw refusal('ERR_OVERLAY_INVALID_TYPE', 'target is missing', 'name a directory', {
        option: 'target',
      });
    if (this.#target !== undefined) {
      const sentence = `the snapshot is attached at ${JSON.stringify(this.path)} already`;
      throw refusal('ERR_OVERLAY_ATTACHED', sentence, 'mount it anew', { option: 'target' });
    }
    await runAsync(attachMount(this.fd, target, undefined));
    this.#target = target;
    // It would keep the mount busy.
    close(this.#fd!);
    this.#fd = undefined;
  }

  async unmount(options?: UnmountOptions): Promise<void> {
    const { lazy = false } = readOptions<UnmountOptions>(options, { lazy: FLAG });
    if (this.#ended) return;
    if (this.#fd !== undefined) close(this.#fd);
    this.#fd = undefined;
    if (this.#target !== undefined) await this.#detach(this.#target, lazy);
    this.#ended = true;
  }

  async #detach(target: Target, lazy: boolean): Promise<void> {
    const absolute = Buffer.from(target.absolute as Uint8Array);
    const there = await callAsync('statx', AT_FDCWD, absolute, 0, STATX_BEST_MNT_ID);
    // Somebody else has unmounted it, or mounted something over it.
    if (!mountIdIn(there).equals(this.#id)) return;
    try {
      await callAsync('umount2', absolute, lazy ? MNT_DETACH : 0);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      const failed = { path: target.path, target: absolute, mountId: this.#id };
      throw await runAsync(explainUnmountFailure(error, failed));
    }
  }
}
