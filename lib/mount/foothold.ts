// A directory on which a mount stands for a moment that is to be attached nowhere.
import { mkdtempSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Routine, wait } from '../kernel/routine.ts';

export interface Foothold {
  readonly path: string;
}

export function* makeFoothold(): Routine<Foothold> {
  const prefix = join(tmpdir(), 'overlayfs-foothold-');
  return { path: yield* wait({ now: () => mkdtempSync(prefix), later: () => mkdtemp(prefix) }) };
}
