// Opens the directory of a store, or makes a store of one that is empty: whole, or not at all.
import {
  type DriverName,
  decodeStoreFacts,
  encodeStoreFacts,
  STORE_VERSION,
  type StoreFacts,
} from '../format/store/store-facts.ts';
import { callAsync, close } from '../kernel/call.ts';
import {
  AT_FDCWD,
  AT_REMOVEDIR,
  LOCK_EX,
  LOCK_UN,
  O_CREAT,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_RDONLY,
  O_TRUNC,
  O_WRONLY,
  procPath,
} from '../kernel/constants.ts';
import { EEXIST, ENOENT } from '../kernel/errno.ts';
import { allNames } from '../kernel/names.ts';
import { MAY_FAIL, Program } from '../kernel/program.ts';
import { runAsync } from '../kernel/routine.ts';
import { requireProc } from '../layer/require-proc.ts';
import { chooseDriver } from './choose-driver.ts';
import { DIRECTORY, PARTS, Place } from './place.ts';
import { isErrno, quoted, refusal } from './refusal.ts';
import { pause, tryLock } from './store-lock.ts';

const FACTS = 'store.json';
const UNFINISHED = 'store.json.new';
/** What may lie in a directory that becomes a store: what an interrupted making leaves, and what mkfs puts there. */
const OURS: ReadonlySet<string> = new Set([...PARTS, UNFINISHED, 'lost+found']);

async function readFacts(root: number, path: Buffer): Promise<StoreFacts | undefined> {
  let bytes: Buffer;
  try {
    const fd = await callAsync('openat', root, FACTS, O_RDONLY | O_NOFOLLOW, 0);
    try {
      bytes = await callAsync('read', fd, 65536);
    } finally {
      close(fd);
    }
  } catch (error) {
    if (isErrno(error, ENOENT)) return undefined;
    throw error;
  }
  const facts = decodeStoreFacts(bytes);
  if (typeof facts === 'object') return facts;
  if (typeof facts === 'number') {
    const sentence = `the store ${quoted(path)} is of version ${facts}, and this release knows version ${STORE_VERSION}`;
    throw refusal('ERR_STORE_VERSION', sentence, 'use a newer release of overlayfs', {
      path: path.toString(),
    });
  }
  const sentence = `${FACTS} of the store ${quoted(path)} cannot be believed: ${facts}`;
  throw refusal('ERR_STORE_DAMAGED', sentence, 'put it back from a copy', { path: path.toString() });
}

async function refuseForeign(root: number, path: Buffer): Promise<void> {
  const fd = await callAsync('openat', root, '.', DIRECTORY, 0);
  try {
    const foreign = (await runAsync(allNames(fd))).map(String).filter((name) => !OURS.has(name));
    if (foreign.length === 0) return;
    const sentence = `${quoted(path)} is no store, and not empty: it has ${JSON.stringify(foreign[0])}`;
    throw refusal('ERR_STORE_FOREIGN', sentence, 'name an empty directory, or one that is not there yet', {
      path: path.toString(),
    });
  } finally {
    close(fd);
  }
}

async function makeParts(root: number): Promise<void> {
  for (const part of PARTS) {
    try {
      await callAsync('mkdirat', root, part, part === 'empty' ? 0o755 : 0o700);
    } catch (error) {
      if (!isErrno(error, EEXIST)) throw error;
    }
  }
}

async function writeFacts(root: number, facts: StoreFacts): Promise<void> {
  const program = new Program();
  const out = program.add('openat', 0, root, UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o600);
  program.add('write', 0, out, encodeStoreFacts(facts));
  program.add('syncfs', 0, root);
  program.add('renameat2', 0, root, UNFINISHED, root, FACTS, 0);
  program.add('syncfs', 0, root);
  await program.later();
}

async function makeStore(root: number, path: Buffer, driver: DriverName | 'auto'): Promise<StoreFacts> {
  while (!tryLock(root, LOCK_EX)) await pause(2);
  try {
    // Somebody else may have made it meanwhile.
    const there = await readFacts(root, path);
    if (there !== undefined) return there;
    await refuseForeign(root, path);
    await makeParts(root);
    const facts: StoreFacts = { version: STORE_VERSION, ...(await chooseDriver(root, path, driver)) };
    await writeFacts(root, facts);
    return facts;
  } finally {
    tryLock(root, LOCK_UN);
  }
}

function noStore(path: Buffer) {
  const sentence = `there is no store in ${quoted(path)}`;
  const hint =
    'correct the path, or have one made: import, prepare and view make a store of an empty directory';
  return refusal('ERR_STORE_MISSING', sentence, hint, { option: 'root', path: path.toString() });
}

/** Gives whether it was made, too. */
async function openRoot(path: Buffer, create: boolean): Promise<[root: number, made: boolean]> {
  let made = false;
  try {
    if (create) await callAsync('mkdirat', AT_FDCWD, path, 0o700);
    made = create;
  } catch (error) {
    if (!isErrno(error, EEXIST)) throw error;
  }
  try {
    // A link to the directory of the store is fine; in it there are none.
    return [await callAsync('openat', AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0), made];
  } catch (error) {
    throw !create && isErrno(error, ENOENT) ? noStore(path) : error;
  }
}

/** Takes back what was made for a store that cannot be; what is not empty is somebody's. */
async function unmake(root: number, path: Buffer): Promise<void> {
  const program = new Program();
  for (const part of PARTS) program.add('unlinkat', MAY_FAIL, root, part, AT_REMOVEDIR);
  program.add('unlinkat', MAY_FAIL, AT_FDCWD, path, AT_REMOVEDIR);
  await program.later();
}

/** @throws {OverlayError} ERR_STORE_FOREIGN, ERR_STORE_MISSING, ERR_STORE_VERSION, ERR_STORE_DRIVER, ERR_STORE_NO_DRIVER and others */
export async function openPlace(path: Buffer, driver: DriverName | 'auto', create: boolean): Promise<Place> {
  requireProc();
  const [root, made] = await openRoot(path, create);
  try {
    const absolute = await callAsync('readlinkat', AT_FDCWD, procPath(root));
    let facts = await readFacts(root, absolute);
    if (facts === undefined && !create) {
      await refuseForeign(root, absolute);
      throw noStore(absolute);
    }
    facts ??= await makeStore(root, absolute, driver);
    if (driver !== 'auto' && driver !== facts.driver) {
      const sentence = `the store ${quoted(absolute)} has the driver ${facts.driver}, and ${driver} was asked for`;
      throw refusal('ERR_STORE_DRIVER', sentence, "open it with driver: 'auto'", { option: 'driver' });
    }
    const snapshots = await callAsync('openat', root, 'snapshots', DIRECTORY, 0);
    return new Place(root, snapshots, absolute, facts);
  } catch (error) {
    if (made) await unmake(root, path);
    close(root);
    throw error;
  }
}
