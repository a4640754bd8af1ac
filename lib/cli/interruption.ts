// Signals that ask to stop, kept until a moment at which stopping leaves nothing behind.

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Thrown at that moment. */
export class Interrupted extends Error {
  readonly signal: NodeJS.Signals;
  constructor(signal: NodeJS.Signals) {
    super(`ended by ${signal}`);
    this.signal = signal;
  }
}

export class Interruption {
  #signal: NodeJS.Signals | undefined;
  readonly #keep = (signal: NodeJS.Signals): void => {
    this.#signal ??= signal;
  };

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#keep);
  }

  /** @throws {Interrupted} when a signal has come */
  async check(): Promise<void> {
    // Signals are seen between two turns of the event loop.
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#signal !== undefined) throw new Interrupted(this.#signal);
  }

  /** From now on signals do again what they always do. */
  end(): void {
    for (const signal of SIGNALS) process.off(signal, this.#keep);
  }
}
