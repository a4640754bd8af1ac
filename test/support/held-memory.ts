// What throw-away overlays of a process hold in memory, and that it goes with the process: measured of these alone.
import { once } from 'node:events';
import { readdirSync, readlinkSync, statfsSync, watch } from 'node:fs';
import { basename } from 'node:path';

export interface HeldMemory {
  /** Of all of them together. */
  readonly mebibytes: number;
  /** Done when the kernel has taken down the last of them. */
  readonly gone: Promise<unknown>;
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined; // closed meanwhile
  }
}

// Who watches a directory is told of the end of its filesystem (IN_UNMOUNT in inotify(7)), as of a change without a name.
async function endOf(path: string): Promise<void> {
  const watcher = watch(path);
  for (;;) {
    const [what, name] = await once(watcher, 'change');
    if (what === 'rename' && name === basename(path)) break;
  }
  watcher.close();
}

/** Of a process that has made those it is asked about, and makes no more. */
export function heldMemory(pid: number): HeldMemory {
  // The upper of one is a directory of a tmpfs that is mounted nowhere.
  const uppers = readdirSync(`/proc/${pid}/fd`)
    .map((fd) => `/proc/${pid}/fd/${fd}`)
    .filter((path) => linkOf(path) === '/u');
  const used = uppers
    .map((path) => statfsSync(path))
    .map(({ blocks, bfree, bsize }) => (blocks - bfree) * bsize);
  return {
    mebibytes: used.reduce((sum, bytes) => sum + bytes, 0) / 2 ** 20,
    gone: Promise.all(uppers.map(endOf)),
  };
}
