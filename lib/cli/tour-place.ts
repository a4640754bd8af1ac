// The private directory of a tour: made, entered, left, and gone at the end with all that was mounted in it.
import { chmodSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type MountSpec, mount, type Overlay } from '../index.ts';

// linux/magic.h. Such a directory can be no upper, and in a container the temporary one often is.
const OVERLAYFS_SUPER_MAGIC = 0x794c7630;

function isOnOverlay(directory: string): boolean {
  try {
    return statfsSync(directory).type === OVERLAYFS_SUPER_MAGIC;
  } catch {
    return true;
  }
}

function makeDirectory(): string {
  const parents = [tmpdir(), '/dev/shm', '/var/tmp'];
  const parent = parents.find((directory) => !isOnOverlay(directory)) ?? tmpdir();
  return mkdtempSync(join(parent, 'overlayfs-tour-'));
}

export class TourPlace {
  readonly path: string;
  readonly #cameFrom = process.cwd();
  readonly #overlays: Overlay[] = [];
  #gone = false;

  constructor() {
    this.path = makeDirectory();
    chmodSync(this.path, 0o755);
    // So that the tour's relative paths are what is really called, not an abridgement.
    process.chdir(this.path);
  }

  async mount(spec: MountSpec): Promise<Overlay> {
    const overlay = await mount(spec);
    this.#overlays.push(overlay);
    return overlay;
  }

  /** The newest first. */
  async unmountAll(): Promise<void> {
    for (const overlay of this.#overlays.splice(0).reverse()) {
      // Somebody may be looking around in there: then it ends when they leave.
      await overlay.unmount().catch(() => overlay.unmount({ lazy: true }));
    }
  }

  /** Unmounts what is still mounted, and removes the directory. */
  async remove(): Promise<void> {
    if (this.#gone) return;
    this.#gone = true;
    process.chdir(this.#cameFrom);
    await this.unmountAll();
    rmSync(this.path, { recursive: true, force: true });
  }
}
