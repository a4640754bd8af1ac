// An open store as a place: its directories, its lock, and where what is not finished yet lies.
//
//   store.json            what made it; written last
//   snapshots/NAME/       a snapshot: `record` or `committed`, `fs` with the data, `work` for the overlay driver
//   sessions/RANDOM/      of one open store: what it is making, and what it is removing; locked as long as it is open
//   claims/NAME           locked while a layer is unpacked
//   empty/                a lower for what has no parent
import { randomBytes } from 'node:crypto';
import type { StoreFacts } from '../format/store/store-facts.ts';
import { callAsync, close } from '../kernel/call.ts';
import { AT_REMOVEDIR, LOCK_EX, O_DIRECTORY, O_NOFOLLOW, O_RDONLY } from '../kernel/constants.ts';
import { refusal } from './refusal.ts';
import { StoreLock, tryLock } from './store-lock.ts';

export const DIRECTORY: number = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
/** The directories of a store. */
export const PARTS = ['snapshots', 'sessions', 'claims', 'empty'] as const;

/** Where an open store makes and removes things. */
export interface Session {
  readonly name: string;
  readonly fd: number;
}

export class Place {
  /** Open for reading: the store's own directory. */
  readonly root: number;
  readonly snapshots: number;
  /** Without symbolic links. */
  readonly absolute: Buffer;
  readonly facts: StoreFacts;
  readonly lock: StoreLock;
  /** Names in the session of what could not be removed. */
  readonly abandoned: Set<string> = new Set();
  readonly #running = new Set<Promise<void>>();
  #session: Promise<Session> | undefined;
  #number = 0;
  #closing: Promise<void> | undefined;

  constructor(root: number, snapshots: number, absolute: Buffer, facts: StoreFacts) {
    this.root = root;
    this.snapshots = snapshots;
    this.absolute = absolute;
    this.facts = facts;
    this.lock = new StoreLock(root, absolute);
  }

  path(...names: readonly string[]): Buffer {
    return Buffer.concat([this.absolute, Buffer.from(`/${names.join('/')}`)]);
  }

  mustBeOpen(): void {
    if (this.#closing === undefined) return;
    throw refusal('ERR_STORE_CLOSED', 'the store has been closed', 'open it again');
  }

  /** Runs what uses the store's descriptors: they stay open until it is through. @throws {OverlayError} ERR_STORE_CLOSED */
  async during<T>(body: () => Promise<T>): Promise<T> {
    this.mustBeOpen();
    const running = body();
    const ended = running.then(
      () => {},
      () => {},
    );
    this.#running.add(ended);
    try {
      return await running;
    } finally {
      this.#running.delete(ended);
    }
  }

  /** Made at first need, so that who only looks writes nothing. */
  async session(): Promise<Session> {
    this.#session ??= this.lock.hold(() => makeSession(this.root));
    try {
      return await this.#session;
    } catch (error) {
      this.#session = undefined;
      throw error;
    }
  }

  /** The name of the session, if there is one. */
  async sessionName(): Promise<string | undefined> {
    return (await this.#session)?.name;
  }

  /** A name that is new in the session. */
  freshName(): string {
    return `${this.#number++}`;
  }

  async close(): Promise<void> {
    this.#closing ??= this.#close();
    await this.#closing;
  }

  async #close(): Promise<void> {
    // The number of a descriptor that is closed too early would be that of something else.
    await Promise.all(this.#running);
    const session = await this.#session?.catch(() => undefined);
    if (session !== undefined) {
      // What is still in it is rubbish, and known as such when the lock is gone.
      await callAsync('unlinkat', this.root, `sessions/${session.name}`, AT_REMOVEDIR).catch(() => {});
      close(session.fd);
    }
    close(this.snapshots);
    close(this.root);
  }
}

// Under the store's lock: nobody takes it for an abandoned one between its making and its locking.
async function makeSession(root: number): Promise<Session> {
  const name = randomBytes(6).toString('hex');
  await callAsync('mkdirat', root, `sessions/${name}`, 0o700);
  const fd = await callAsync('openat', root, `sessions/${name}`, DIRECTORY, 0);
  // Nobody else has ever had it; who looks for dead ones does so under the store's lock too.
  if (!tryLock(fd, LOCK_EX)) throw new Error(`the new session ${name} is locked`);
  return { name, fd };
}
