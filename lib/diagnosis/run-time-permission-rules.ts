// Errors inside a live overlay that owner and mode cause, as they would without one; and those of an overlay without root.
import { EACCES, EOVERFLOW, EPERM } from '../kernel/errno.ts';
import type { Entry } from './layer-entries.ts';
import type { Finding } from './overlay-error.ts';
import type { LayerEntry, RunTimeFacts } from './run-time.ts';
import { about, pathOf, type RunTimeRule } from './run-time-rule.ts';
import { subjectText } from './subject.ts';

type Found = Omit<Finding, 'code'>;

const [READ, WRITE, SEARCH] = [4, 2, 1];
// Calls that change the directory of the path, and calls that only the owner may make.
const IN_PARENT = /^(mkdir|rmdir|unlink|rename|link|symlink|mknod|mkdtemp)$/;
const OWNERS = /^f?(chmod|chown|lchown|utime|lutime|futime|utimes)$/;

const topOf = ({ inUpper, inLowers }: RunTimeFacts): LayerEntry | undefined => inUpper ?? inLowers[0];

/** The bits of the mode that count for this user, ACLs apart. */
function bitsFor({ stat }: Entry, uid: number): number {
  if (stat.uid === uid) return (stat.mode >> 6) & 7;
  const groups = [process.getegid!(), ...process.getgroups!()];
  return groups.includes(stat.gid) ? (stat.mode >> 3) & 7 : stat.mode & 7;
}

const modeText = ({ stat }: Entry) => `mode ${(stat.mode & 0o7777).toString(8).padStart(4, '0')}`;

/** What lacks this user the right that the call needs: the entry, or the directory that it is in. */
function closed(facts: RunTimeFacts): { entry: Entry; what: string } | undefined {
  const { failure, caller, parents } = facts;
  const lacks = (entry: Entry | undefined, bits: number) =>
    entry !== undefined && (bitsFor(entry, caller.uid) & bits) !== bits;
  const syscall = failure.syscall ?? '';
  const [itself, parent] = [topOf(facts)?.entry, parents[0]?.entry];
  const inParent = `the directory of ${pathOf(facts)}`;
  if (parent !== undefined && lacks(parent, SEARCH)) return { entry: parent, what: inParent };
  if (IN_PARENT.test(syscall))
    return parent !== undefined && lacks(parent, WRITE) ? { entry: parent, what: inParent } : undefined;
  if (itself === undefined)
    return parent !== undefined && lacks(parent, WRITE) ? { entry: parent, what: inParent } : undefined;
  // Whether an open was to read or to write the error does not tell: a file lacks one of both.
  const needed = itself.stat.isDirectory ? READ | SEARCH : READ | WRITE;
  return lacks(itself, needed) ? { entry: itself, what: pathOf(facts) } : undefined;
}

function forbidden(facts: RunTimeFacts): Found | undefined {
  const { caller, overlay } = facts;
  if (caller.uid === 0 || overlay === undefined) return undefined;
  const found = closed(facts);
  if (found === undefined) return undefined;
  const { entry, what } = found;
  return about(
    facts,
    `${what} belongs to user ${entry.stat.uid} and group ${entry.stat.gid} with ${modeText(entry)}, which forbids this to user ${caller.uid}, as it does without the overlay`,
    'run as the owner or as root, or change the permissions in the lower',
  );
}

function notOwner(facts: RunTimeFacts): Found | undefined {
  const { caller, failure, overlay } = facts;
  const top = topOf(facts);
  if (caller.uid === 0 || overlay === undefined || top === undefined) return undefined;
  if (!OWNERS.test(failure.syscall ?? '') || top.entry.stat.uid === caller.uid) return undefined;
  return about(
    facts,
    `${pathOf(facts)} belongs to user ${top.entry.stat.uid}, and only the owner may do that, as without the overlay`,
    'run as the owner or as root, or work on a copy of your own',
  );
}

/** What an overlay without root does not copy up. */
export function unmappedWithoutRoot(facts: RunTimeFacts): Found | undefined {
  const { overlay, caller, parents, failure } = facts;
  if (overlay?.rootless === undefined || failure.errno !== EOVERFLOW) return undefined;
  const isStrange = (found: LayerEntry | undefined): found is LayerEntry =>
    found !== undefined &&
    (found.entry.stat.uid !== caller.uid || found.entry.stat.gid !== process.getegid!());
  const top = topOf(facts);
  const strange = [top, ...parents].find(isStrange);
  if (strange === undefined) return undefined;
  const { uid, gid } = strange.entry.stat;
  const what = strange === top ? pathOf(facts) : `the directory of ${pathOf(facts)}`;
  const [maps, hint] =
    overlay.rootless === 'own'
      ? [
          'its own user and group alone',
          "use rootless: 'ranges', if /etc/subuid has that id for you; or root; or replace the file instead of changing it",
        ]
      : ['the ids of /etc/subuid and /etc/subgid alone', 'have that id added there, or make it as root'];
  return about(
    facts,
    `${what} belongs in ${subjectText(strange.layer)} to user ${uid} and group ${gid}; this overlay was made without root and maps ${maps}, so that it cannot copy up what belongs to others`,
    hint,
  );
}

export const PERMISSION_RULES: readonly RunTimeRule[] = [
  {
    code: 'ERR_OVERLAY_NOT_PERMITTED',
    errnos: [EACCES, EPERM],
    find: (facts) => (facts.failure.errno === EACCES ? forbidden(facts) : notOwner(facts)),
  },
];
