// Where the program writes: colours only where somebody sees them, and no fuss when the reader of a pipe has gone.
import { type Output, StandardOutput } from './standard-output.ts';

const STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const;
export type Style = keyof typeof STYLES;

type Environment = Readonly<Record<string, string | undefined>>;

/** Whether to write colours. Sources: no-color.org, force-color.org. */
export function wantsColour(isTTY: boolean, env: Environment): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '') return env.FORCE_COLOR !== '0';
  return isTTY && env.TERM !== 'dumb';
}

/** How much can be drawn over. */
export interface TerminalSize {
  readonly rows: number;
  readonly columns: number;
}

/** How what is written may look. */
export interface Looks {
  readonly colour: boolean;
  /** Somebody looks at what goes wrong and how far things are: it may be drawn over. */
  readonly live?: boolean;
  readonly size?: () => TerminalSize;
}

export class Terminal {
  readonly #looks: Looks;
  #drawn = 0;
  readonly #out: Output;
  readonly #err: Output;
  readonly #closed = new Set<Output>();
  /** What a stream failed with, other than that nobody reads it any more. */
  failure: Error | undefined;
  /** The exit code for that. */
  failureCode = 1;

  constructor(out: Output, err: Output, looks: Looks) {
    this.#out = out;
    this.#err = err;
    this.#looks = looks;
    for (const stream of [out, err]) {
      stream.on('error', (error: NodeJS.ErrnoException) => {
        this.#closed.add(stream);
        if (error.code !== 'EPIPE') this.failure ??= error;
      });
    }
  }

  /** All is written that was to be. */
  get isWritten(): boolean {
    return this.#out.isWritten === true && this.#err.isWritten === true;
  }

  /** Writes a line of what was asked for. */
  line(text = ''): void {
    this.#write(this.#out, text);
  }

  /** Writes a line about what went wrong. */
  complain(text: string): void {
    this.#write(this.#err, text);
  }

  /** Draws lines about how far things are in the place of those that were drawn before; only where it is live. */
  draw(lines: readonly string[]): void {
    if (this.#looks.live !== true) return;
    // What has scrolled away, or runs over the edge, cannot be drawn over.
    const { rows, columns } = this.#looks.size?.() ?? { rows: 24, columns: 80 };
    const fitting = lines.slice(0, rows - 1).map((line) => line.slice(0, columns - 1));
    const up = this.#drawn === 0 ? '' : `\u001b[${this.#drawn}A`;
    this.#drawn = fitting.length;
    // To the beginning of the first, and away with all below.
    if (!this.#closed.has(this.#err))
      this.#err.write(`${up}\r\u001b[J${fitting.map((line) => `${line}\n`).join('')}`);
  }

  /** Can be taken out of the terminal. */
  readonly paint = (text: string, ...styles: readonly Style[]): string => {
    if (text === '' || !this.#looks.colour) return text;
    return `\u001b[${styles.map((style) => STYLES[style]).join(';')}m${text}\u001b[0m`;
  };

  #write(stream: Output, text: string): void {
    if (!this.#closed.has(stream)) stream.write(`${text}\n`);
  }
}

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const [out, err] = [new StandardOutput(1), new StandardOutput(2)];
  const { env } = process;
  // Asked when something is painted or drawn, which is seldom.
  const looks = {
    get colour() {
      return wantsColour(out.isTerminal, env);
    },
    get live() {
      return err.isTerminal && env.TERM !== 'dumb';
    },
    size: () => ({ rows: process.stderr.rows || 24, columns: process.stderr.columns || 80 }),
  };
  return new Terminal(out, err, looks);
}
