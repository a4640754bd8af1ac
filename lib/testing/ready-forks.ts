// Forks that are made ahead while a test runs with another, so that the next test does not wait for its own.
import { statSync } from 'node:fs';
import type { LayerSource } from '../format/mount-spec.ts';
import type { Scratch } from '../mount/scratch-overlay.ts';

// As they are when the program starts: a test may put false timers into their place.
const { setTimeout, clearTimeout } = globalThis;
// Nobody says when the last test has run. What is not asked for any more is closed after this; the process does not wait.
const IDLE_MS = 5_000;

interface Ready {
  readonly fork: Promise<Scratch>;
  /** Which directories it is of. */
  readonly identity: string;
}

/**
 * A fixture that is removed and made anew has the old name, and is another directory. One whose entries came or went has
 * another time: a fork shows that of when it was made, and would seem to have been changed.
 */
function identityOf(lowers: readonly LayerSource[]): string {
  const identities = lowers.map((lower) => {
    if (typeof lower === 'object' && 'fd' in lower) return `fd ${lower.fd}`;
    const stat = statSync(lower as string | URL | Buffer, { bigint: true, throwIfNoEntry: false });
    return stat === undefined ? 'none' : [stat.dev, stat.ino, stat.birthtimeNs, stat.ctimeNs].join(':');
  });
  return identities.join();
}

function identityIfKnown(lowers: readonly LayerSource[]): string | undefined {
  try {
    return identityOf(lowers);
  } catch {
    return undefined; // whoever makes the fork is told why
  }
}

export class ReadyForks {
  readonly #make: (lowers: readonly LayerSource[]) => Promise<Scratch>;
  readonly #most: number;
  readonly #ready: Ready[] = [];
  /** Those that are being ended. */
  readonly #ending = new Set<Promise<void>>();
  #idle: NodeJS.Timeout | undefined;

  constructor(make: (lowers: readonly LayerSource[]) => Promise<Scratch>, most: number) {
    this.#make = make;
    this.#most = most;
  }

  /** One that nobody has had, the next ones being made. */
  async take(lowers: readonly LayerSource[]): Promise<Scratch> {
    const identity = this.#most === 0 ? undefined : identityIfKnown(lowers);
    const fork = (await this.#readyFor(identity)) ?? (await this.#make(lowers));
    if (identity !== undefined) this.#fill(lowers, identity);
    return fork;
  }

  /** Ends all that are ready. Another take() makes new ones. */
  async close(): Promise<void> {
    clearTimeout(this.#idle);
    for (const { fork } of this.#ready.splice(0)) this.#end(fork);
    await Promise.all(this.#ending);
  }

  async #readyFor(identity: string | undefined): Promise<Scratch | undefined> {
    for (let next = this.#ready.shift(); next !== undefined; next = this.#ready.shift()) {
      if (next.identity !== identity) {
        this.#end(next.fork);
        continue;
      }
      // One that could not be made ahead is made now, and says why not.
      const fork = await next.fork.catch(() => undefined);
      if (fork !== undefined) return fork;
    }
    return undefined;
  }

  #fill(lowers: readonly LayerSource[], identity: string): void {
    while (this.#ready.length < this.#most) {
      const fork = this.#make(lowers);
      fork.catch(() => {});
      this.#ready.push({ fork, identity });
    }
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => void this.close(), IDLE_MS);
    this.#idle.unref();
  }

  #end(fork: Promise<Scratch>): void {
    const ending = fork
      .then((made) => made.unmount())
      .catch(() => {})
      .finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }
}
