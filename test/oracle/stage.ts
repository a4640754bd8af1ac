// A fresh filesystem in memory for one story: directories on it, overlays over them, and all of it gone at the end.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyOverlayOptions, MountSpec } from '../../lib/format/mount-spec.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { MNT_DETACH } from '../../lib/kernel/constants.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';

const MS_NOSUID = 2;
const MS_NODEV = 4;

/** Top first, as the kernel counts. */
export interface Layers {
  readonly lower: readonly string[];
  readonly data?: readonly string[];
  readonly upper?: string;
}

export class Stage implements Disposable {
  readonly path: string;
  readonly #overlays: Overlay[] = [];
  #made = 0;

  /** `place`: an empty directory; what is mounted there goes with the stage. */
  constructor(place: string) {
    this.path = place;
    callSync('mount', 'oracle', place, 'tmpfs', MS_NOSUID | MS_NODEV, 'mode=755');
  }

  /** A new empty directory, of mode 755 whatever the umask. */
  directory(name = 'directory'): string {
    const path = join(this.path, `${name}${this.#made++}`);
    mkdirSync(path, { mode: 0o755 });
    return path;
  }

  /** A detached overlay; without an upper, a view. */
  mount({ lower, data, upper }: Layers, options: AnyOverlayOptions, work?: string): Overlay {
    const overlay = mountSync({
      lower,
      ...(data !== undefined && data.length > 0 && { data }),
      ...(upper !== undefined && { upper, work: work ?? this.directory('work') }),
      options,
      attributes: { nosuid: true, nodev: true },
    } as MountSpec);
    this.#overlays.push(overlay);
    return overlay;
  }

  [Symbol.dispose](): void {
    try {
      for (const overlay of this.#overlays.toReversed()) overlay.unmountSync();
    } finally {
      callSync('umount2', this.path, MNT_DETACH);
    }
  }
}
