// What an image carries and nobody sees: content under another layer's file, deletion or opaque directory, path by path.
import { latin1ToPath } from '../format/path-bytes.ts';
import type { EntryPath } from '../layer/change.ts';
import type { Content } from './layer-tree.ts';

/**
 * - `overwritten`: something else is at its path; also when only its mode, owner or time was changed, which carries the
 *   whole file again. By its own layer, where that has several entries of one name
 * - `deleted`: by a whiteout, it or a directory above it
 * - `opaque`: its directory was emptied, or deleted and made again
 * - `leftover`: a file of AUFS's own
 */
export type HiddenBy = 'overwritten' | 'deleted' | 'opaque' | 'leftover';

/** What was hidden at one path, by all layers together. */
export interface WastedPath {
  /** Of a directory that went with all in it, the directory. */
  readonly path: EntryPath;
  /** Bytes that are carried in vain; those of a file with several names once. */
  readonly bytes: number;
  /** How many files with content these are. */
  readonly files: number;
  /** Of `bytes`, those of files whose content is the same in the layer that hides them: its mode, owner or time changed. */
  readonly sameContent: number;
  readonly why: readonly HiddenBy[];
  /** The layers that carry it, and those that hide it: from 0, the bottom one. */
  readonly carriedBy: readonly number[];
  readonly hiddenBy: readonly number[];
}

interface Row {
  bytes: number;
  files: number;
  sameContent: number;
  readonly why: Set<HiddenBy>;
  readonly carriedBy: Set<number>;
  readonly hiddenBy: Set<number>;
}

const inOrder = (numbers: Set<number>) => [...numbers].sort((a, b) => a - b);

export class Waste {
  readonly #rows = new Map<string, Row>();
  readonly #ofLayer: number[] = [];

  /** Content that had its last name at a path. */
  add(path: string, { layer, bytes }: Content, why: HiddenBy, hiddenBy: number, sameContent = false): void {
    if (bytes === 0) return;
    let row = this.#rows.get(path);
    if (row === undefined) {
      const none = { bytes: 0, files: 0, sameContent: 0 };
      row = { ...none, why: new Set(), carriedBy: new Set(), hiddenBy: new Set() };
      this.#rows.set(path, row);
    }
    row.bytes += bytes;
    row.files += 1;
    if (sameContent) row.sameContent += bytes;
    row.why.add(why);
    row.carriedBy.add(layer);
    row.hiddenBy.add(hiddenBy);
    this.#ofLayer[layer] = this.of(layer) + bytes;
  }

  /** Bytes of what the layer carries in vain. */
  of(layer: number): number {
    return this.#ofLayer[layer] ?? 0;
  }

  /** The most bytes first. */
  paths(): WastedPath[] {
    const rows = [...this.#rows].sort(([a, x], [b, y]) => y.bytes - x.bytes || (a < b ? -1 : 1));
    return rows.map(([path, { bytes, files, sameContent, why, carriedBy, hiddenBy }]) => ({
      path: path === '' ? '.' : latin1ToPath(path),
      bytes,
      files,
      sameContent,
      why: [...why].sort(),
      carriedBy: inOrder(carriedBy),
      hiddenBy: inOrder(hiddenBy),
    }));
  }
}
