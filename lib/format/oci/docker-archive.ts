// The list of images in an archive of `docker save`: the names, in the archive, of each image's config and layers.
import { componentsOf, pathOf } from './layer-name.ts';
import { badDocument, listOf, object, parseDocument, type Shape, text } from './shape.ts';

export interface SavedImage {
  /** A path in the archive. */
  readonly config: string;
  /** `name:tag`. */
  readonly repoTags: readonly string[];
  /** Paths in the archive, bottom first; two may be one. */
  readonly layers: readonly string[];
}

const path: Shape = (value, at) => {
  text(value, at);
  if (archivePath(value as string) === '') throw badDocument(at, 'names no file');
};

/** A path in the archive in the one form that is compared. */
export function archivePath(name: string | Buffer): string {
  return pathOf(componentsOf(Buffer.from(name as string))).toString();
}

const shape = listOf(object({ Config: path, Layers: listOf(path) }, { RepoTags: listOf(text) }));

/** Reads `manifest.json`. */
export function parseSavedImages(bytes: Uint8Array): SavedImage[] {
  type Raw = { Config: string; Layers: string[]; RepoTags?: string[] | null };
  const list = parseDocument(bytes, 'manifest.json', shape) as Raw[];
  return list.map(({ Config, Layers, RepoTags }) => ({
    config: archivePath(Config),
    repoTags: RepoTags ?? [],
    layers: Layers.map(archivePath),
  }));
}
