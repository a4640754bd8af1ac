// How far the layers of an image are: a bar each on a terminal, and one line at the end elsewhere.
import { amount } from './store-text.ts';
import type { Terminal } from './terminal.ts';

/** What a bar shows. */
export interface LayerState {
  readonly digest: string;
  readonly state: 'waiting' | 'unpacking' | 'shared' | 'done';
  /** Bytes read, of `size`. */
  readonly read: number;
  readonly size: number;
}

interface LayerReport {
  readonly layer: number;
  readonly read: number;
  readonly done: boolean;
}

const WIDTH = 30;
const REDRAW_MS = 50;
/** Of an image with more layers only those that something happens to are drawn. */
const MOST_LINES = 20;

/** `sha256:0123456789ab [#########-----] 12.0 MiB`. */
export function barLine({ digest, state, read, size }: LayerState): string {
  const [algorithm, hex = ''] = digest.split(':');
  const name = `${algorithm}:${hex.slice(0, 12)}`;
  if (state === 'shared') return `${name} is there already`;
  const part = state === 'done' || size === 0 ? 1 : Math.min(1, read / size);
  const filled = state === 'waiting' ? 0 : Math.floor(part * WIDTH);
  return `${name} [${'#'.repeat(filled)}${'-'.repeat(WIDTH - filled)}] ${amount(size)}`;
}

/** `3 layers (12.0 MiB): 2 unpacked, 1 there already`. */
export function barSummary(layers: readonly LayerState[], done = 'unpacked'): string {
  const count = (state: LayerState['state']) => layers.filter((layer) => layer.state === state).length;
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  const shared = count('shared') === 0 ? '' : `, ${count('shared')} there already`;
  return `${layers.length} layer${layers.length === 1 ? '' : 's'} (${amount(bytes)}): ${count('done')} ${done}${shared}`;
}

export class LayerBars {
  readonly #terminal: Terminal;
  readonly #layers: LayerState[];
  readonly #done: string;
  #last = 0;

  /** @param done what became of layers in the end */
  constructor(
    terminal: Terminal,
    layers: readonly { readonly digest: string; readonly size: number }[],
    done = 'unpacked',
  ) {
    this.#terminal = terminal;
    this.#done = done;
    this.#layers = layers.map(({ digest, size }) => ({ digest, size, state: 'waiting', read: 0 }));
  }

  readonly update = (progress: LayerState & { readonly layer: number }): void => {
    const { layer, digest, state, read, size } = progress;
    this.#layers[layer] = { digest, state, read, size };
    if (performance.now() - this.#last < REDRAW_MS) return;
    this.#last = performance.now();
    this.#terminal.draw(this.#lines());
  };

  /** The same of what is told by the layer's number. */
  readonly report = ({ layer, read, done }: LayerReport): void => {
    const { digest, size } = this.#layers[layer]!;
    this.update({ layer, digest, size, read, state: done ? 'done' : 'unpacking' });
  };

  /** The last picture, and the line that stays. */
  end(): void {
    this.#terminal.draw([]);
    this.#terminal.complain(barSummary(this.#layers, this.#done));
  }

  #lines(): string[] {
    const moving = this.#layers.filter(({ state }) => state === 'unpacking');
    return (this.#layers.length > MOST_LINES ? moving : this.#layers).map(barLine);
  }
}
