// The content of a metacopy file in the data layers, which show no names: looked for only when it is asked for.
import { close } from '../kernel/call.ts';
import type { Routine } from '../kernel/routine.ts';
import { scanEntry } from '../kernel/scan-directory.ts';
import { openPlace } from './layer.ts';
import { typeOf } from './merged-entry.ts';
import { ALL_XATTRS, notOpened, type RealEntry, realEntry } from './real-entry.ts';
import type { Rules } from './rules.ts';

/** Which data layer has the content. */
export function* findData(rules: Rules, path: string): Routine<RealEntry | undefined> {
  const place = path.slice(1);
  for (const layer of rules.data) {
    let fd: number;
    try {
      fd = yield* openPlace({ layer, place });
    } catch (error) {
      notOpened({ layer, place }, error);
      continue;
    }
    try {
      const entry = realEntry(layer, place, yield* scanEntry(fd, '', ALL_XATTRS));
      if (entry !== undefined && typeOf(entry.stat) === 'file') return entry;
    } finally {
      close(fd);
    }
  }
  return undefined;
}
