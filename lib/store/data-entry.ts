// The directory of a snapshot's data, by the open directory that it is in, and by its path for messages.
import { callAsync } from '../kernel/call.ts';
import { AT_FDCWD, procPath } from '../kernel/constants.ts';
import type { GivenEntry } from '../layer/given-path.ts';
import { DATA } from './read-record.ts';

export async function dataEntry(fd: number): Promise<GivenEntry> {
  const above = procPath(fd);
  const shown = String(await callAsync('readlinkat', AT_FDCWD, above));
  return {
    bytes: Buffer.from(`${above}/${DATA}`),
    shown: `${shown}/${DATA}`,
    name: Buffer.from(DATA),
    parent: { bytes: Buffer.from(above), shown },
  };
}
