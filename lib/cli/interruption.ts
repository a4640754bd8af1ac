// Signals that ask to stop: kept until a moment at which stopping leaves nothing behind, or ending what goes on.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Thrown at that moment, and the reason of what is aborted. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;
  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }

  /** Ends this process as the signal would have ended it. */
  end(): void {
    process.kill(process.pid, this.signal);
  }
}

export class Interruption {
  readonly #abort = new AbortController();
  readonly #keep = (signal: NodeJS.Signals): void => {
    if (!this.#abort.signal.aborted) this.#abort.abort(new Interrupted(signal));
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#keep);
  }

  /** Aborted, with an `Interrupted`, by the first of the signals. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** @throws {Interrupted} when a signal has come */
  async check(): Promise<void> {
    // Signals are seen between two turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    this.#abort.signal.throwIfAborted();
  }

  /** From now on signals do again what they always do. */
  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#keep);
  }
}

/**
 * Runs what cleans up after itself when it is aborted; then this process ends as by the signal. A second signal ends it at
 * once.
 */
export async function interruptible<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const interruption = new Interruption();
  interruption.signal.addEventListener('abort', () => interruption.end(), { once: true });
  try {
    return await body(interruption.signal);
  } catch (error) {
    interruption.end();
    if (interruption.signal.aborted) (interruption.signal.reason as Interrupted).end();
    throw error;
  } finally {
    interruption.end();
  }
}
