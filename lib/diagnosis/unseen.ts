// What could not be looked at, so that nobody takes silence about it for a good sign.
import { isThere, type MountFacts } from './mount-facts.ts';
import { silentText } from './silent-places.ts';

/** The places that would have told more; empty when all could be read. */
export function unseenIn(facts: MountFacts): string[] {
  const { mounts, caller, driver, mountLimit, descriptors, lower, data, upper, work, target } = facts;
  const directories = [...lower, ...data, upper, work, target].filter(isThere);
  const unread: readonly (readonly [string, boolean])[] = [
    ['the mount table (/proc/self/mountinfo)', mounts.length === 0],
    ['the capabilities of this process (/proc/self/status)', caller.capSysAdmin === undefined],
    ['its user namespace (/proc/self/uid_map)', caller.initialUserNamespace === undefined],
    ['the list of filesystems (/proc/filesystems)', driver === undefined],
    ['fs.mount-max', mountLimit === undefined],
    ['how many files are open (/proc/self/fd)', descriptors.open === undefined],
    [
      'where the directories lie in their filesystems',
      directories.some(({ placeInFilesystem }) => placeInFilesystem === undefined),
    ],
  ];
  return [...unread.filter(([, missing]) => missing).map(([what]) => what), ...facts.silent.map(silentText)];
}
