// Looks at all of a store, and says what is wrong with it.
import type { Finding } from '../format/overlay-error.ts';
import { directoryName, isDirectoryName, type SnapshotRecord } from '../format/store/record.ts';
import { close } from '../kernel/call.ts';
import { O_NOFOLLOW, O_RDONLY } from '../kernel/constants.ts';
import type { Driver } from './driver.ts';
import { allEntries, directoriesIn, openEntry } from './entries.ts';
import { namesIn, openDead } from './leftovers.ts';
import { DIRECTORY, type Place } from './place.ts';
import { type Damaged, isDamaged } from './read-record.ts';
import { quoted } from './refusal.ts';
import { findStrays } from './strays.ts';

function rubbish(place: Place, ...names: readonly string[]): Finding {
  const path = place.path(...names).toString();
  return {
    code: 'ERR_STORE_RUBBISH',
    sentence: `${JSON.stringify(path)} was left by a process that has died`,
    hint: 'cleanup() removes it',
    path,
  };
}

function stranger(place: Place, ...names: readonly string[]): Finding {
  const path = place.path(...names).toString();
  return {
    code: 'ERR_STORE_STRANGER',
    sentence: `${JSON.stringify(path)} is no part of a snapshot, and was not put there by a store`,
    hint: 'move it elsewhere',
    path,
  };
}

async function deadSessions(place: Place): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of await namesIn(place, 'sessions')) {
    // Under the lock: the moment of asking must not be the one in which somebody locks a new one.
    const dead = await place.lock.hold(async () => {
      const fd = await openDead(place, `sessions/${name}`, DIRECTORY);
      if (fd !== undefined) close(fd);
      return fd !== undefined;
    });
    if (dead) found.push(rubbish(place, 'sessions', name));
  }
  return found;
}

async function deadClaims(place: Place): Promise<Finding[]> {
  const found: Finding[] = [];
  for (const name of await namesIn(place, 'claims')) {
    const fd = await openDead(place, `claims/${name}`, O_RDONLY | O_NOFOLLOW);
    if (fd === undefined) continue;
    close(fd);
    found.push(rubbish(place, 'claims', name));
  }
  return found;
}

interface Seen {
  readonly records: ReadonlyMap<string, SnapshotRecord>;
  readonly damaged: readonly Damaged[];
}

export async function readAll(place: Place): Promise<Seen> {
  const records = new Map<string, SnapshotRecord>();
  const damaged: Damaged[] = [];
  for await (const entry of allEntries(place)) {
    if (isDamaged(entry)) damaged.push(entry);
    else records.set(directoryName(entry.name), entry);
  }
  return { records, damaged };
}

function damagedFinding(place: Place, { directory, reason }: Damaged): Finding {
  const path = place.path('snapshots', directory).toString();
  return {
    code: 'ERR_STORE_DAMAGED',
    sentence: `the snapshot at ${JSON.stringify(path)} cannot be used: ${reason}`,
    hint: 'repair({ discard: true }) removes it',
    path,
  };
}

function chainFinding(place: Place, record: SnapshotRecord, { records }: Seen, directory: string): Finding[] {
  const parent = record.chain[0] === undefined ? undefined : records.get(record.chain[0]);
  const chain = parent === undefined ? [] : [record.chain[0]!, ...parent.chain];
  const right =
    record.parent === null ||
    (parent?.kind === 'committed' && parent.name === record.parent && String(chain) === String(record.chain));
  if (right) return [];
  const path = place.path('snapshots', directory).toString();
  return [
    {
      code: 'ERR_STORE_NO_PARENT',
      sentence: `the snapshot ${quoted(record.name)} was made of ${quoted(record.parent!)}, which is not there as it was`,
      hint: 'import or make the parent anew, or remove the snapshot',
      path,
    },
  ];
}

async function checkEntry(place: Place, driver: Driver, name: string): Promise<Finding[]> {
  try {
    const entry = await openEntry(place, name, 'look');
    try {
      const found = await driver.check(place, entry);
      const { ours, foreign } = await findStrays(place, driver, entry);
      const inside = (names: readonly string[]) =>
        names.map((stray) => ['snapshots', entry.directory, stray]);
      return [
        ...found,
        ...inside(foreign).map((names) => stranger(place, ...names)),
        ...inside(ours).map((names) => rubbish(place, ...names)),
      ];
    } finally {
      close(entry.fd);
    }
  } catch (error) {
    // Removed meanwhile.
    if ((error as { code?: string }).code === 'ERR_STORE_NOT_FOUND') return [];
    throw error;
  }
}

/** All that is wrong; rubbish last. */
export async function checkStore(place: Place, driver: Driver): Promise<Finding[]> {
  // Under the lock, so that no snapshot is between two names.
  const { seen, names } = await place.lock.hold(async () => ({
    seen: await readAll(place),
    names: await directoriesIn(place),
  }));
  const findings = [
    ...names.filter((name) => !isDirectoryName(name)).map((name) => stranger(place, 'snapshots', name)),
    ...seen.damaged.map((one) => damagedFinding(place, one)),
  ];
  for (const [directory, record] of seen.records) {
    findings.push(...chainFinding(place, record, seen, directory));
    findings.push(...(await checkEntry(place, driver, record.name)));
  }
  findings.push(...(await deadSessions(place)), ...(await deadClaims(place)));
  const isRubbish = ({ code }: Finding) => code === 'ERR_STORE_RUBBISH';
  return [...findings.filter((one) => !isRubbish(one)), ...findings.filter(isRubbish)];
}
