// Errors inside a live overlay that come from owners and flags of files: immutable ones, and ids that are not mapped.
import { STATX_ATTR_APPEND, STATX_ATTR_IMMUTABLE } from '../kernel/constants.ts';
import { EACCES, EOVERFLOW, EPERM } from '../kernel/errno.ts';
import type { Entry } from './layer-entries.ts';
import { isThere } from './mount-facts.ts';
import { type Finding, shown } from './overlay-error.ts';
import type { LayerEntry, RunTimeFacts } from './run-time.ts';
import { unmappedWithoutRoot } from './run-time-permission-rules.ts';
import type { RunTimeRule } from './run-time-rule.ts';
import { placeOf, subjectText } from './subject.ts';

type Found = Omit<Finding, 'code'>;

function fixedBy({ stat }: Entry): 'immutable' | 'append-only' | undefined {
  if (stat.attributes & BigInt(STATX_ATTR_IMMUTABLE)) return 'immutable';
  return stat.attributes & BigInt(STATX_ATTR_APPEND) ? 'append-only' : undefined;
}

// The merged view shows the top one's flags: what a layer below says is hidden.
function fixedAmong(found: readonly LayerEntry[]): LayerEntry | undefined {
  const [top] = found;
  return top !== undefined && fixedBy(top.entry) !== undefined ? top : undefined;
}

// A directory that the upper does not have yet is copied up first, and those above it.
function above({ nearest, parents }: RunTimeFacts): LayerEntry[] {
  return nearest === undefined || parents.some(({ layer }) => layer === nearest.layer) ? [] : [nearest];
}

function immutable(facts: RunTimeFacts): Found | undefined {
  const here = [facts.inUpper, ...facts.inLowers].filter((found) => found !== undefined);
  const itself = fixedAmong(here);
  const fixed = itself ?? fixedAmong(facts.parents) ?? fixedAmong(above(facts));
  if (fixed === undefined) return undefined;
  const flag = fixedBy(fixed.entry);
  const letter = flag === 'immutable' ? 'i' : 'a';
  const path = facts.failure.path;
  const copies = fixed === facts.nearest;
  const name = path === undefined ? 'the file' : JSON.stringify(shown(path));
  const directory = copies
    ? `the directory into which that of ${name} is copied up`
    : `the directory of ${name}`;
  const what = itself === undefined ? directory : name;
  return {
    sentence: `${what} is ${flag} in ${subjectText(fixed.layer)} (chattr +${letter}), and an overlay keeps to that`,
    hint: `take the flag away in the layer while the overlay is not mounted (chattr -${letter})`,
    ...(path === undefined ? {} : { path: shown(path) }),
  };
}

function unmapped(facts: RunTimeFacts): Found | undefined {
  const { caller, overflow, failure, parents } = facts;
  if (caller.initialUserNamespace !== false) return undefined;
  const here = [facts.inUpper, ...facts.inLowers].find((found) => found !== undefined);
  const strange = [here, parents[0]].find(
    (found) => found?.entry.stat.uid === overflow.uid || found?.entry.stat.gid === overflow.gid,
  );
  if (strange === undefined) return undefined;
  const name = failure.path === undefined ? 'the file' : JSON.stringify(shown(failure.path));
  const what = strange === here ? name : `the directory of ${name}`;
  return {
    sentence: `${what} belongs in ${subjectText(strange.layer)} to an id that this user namespace does not map: it can be read as its mode says, and neither changed nor copied up`,
    hint: 'map that id too (newuidmap, newgidmap and /etc/subuid), or give the layer to an id that is mapped',
    ...(failure.path === undefined ? {} : { path: shown(failure.path) }),
  };
}

function closedLayer({ caller, overflow, lowers }: RunTimeFacts): Found | undefined {
  if (caller.initialUserNamespace !== false) return undefined;
  const closed = lowers
    .filter(isThere)
    .find(({ stat }) => stat.uid === overflow.uid && (stat.mode & 0o001) === 0);
  if (closed === undefined) return undefined;
  return {
    sentence: `${subjectText(closed.subject)} belongs to an id that this user namespace does not map, and others may not search it; an overlay looks with the rights of who mounted it`,
    hint: 'open the directory to others (chmod o+rx), or map its owner',
    ...placeOf(closed.subject),
  };
}

export const OWNER_RULES: readonly RunTimeRule[] = [
  { code: 'ERR_OVERLAY_IMMUTABLE', errnos: [EPERM], find: immutable },
  { code: 'ERR_OVERLAY_LAYER_CLOSED', errnos: [EACCES], find: closedLayer },
  {
    code: 'ERR_OVERLAY_UNMAPPED_OWNER',
    errnos: [EOVERFLOW, EACCES, EPERM],
    find: (facts) => unmapped(facts) ?? unmappedWithoutRoot(facts),
  },
];
