// What the name of an entry says in a layer: the entry itself, or that something of lower layers is gone.
//
// Source: the OCI image specification, layer.md, "Whiteouts"; aufs(5) for the names that AUFS left in layers.
import { badName, componentsOf, isReserved, LONGEST_NAME, pathOf, plainPath } from './layer-name.ts';

const PREFIX = Buffer.from('.wh.');
const AUFS_PREFIX = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

export type LayerWord =
  | { readonly kind: 'entry'; readonly path: Buffer }
  /** `path` of lower layers is deleted. */
  | { readonly kind: 'whiteout'; readonly path: Buffer }
  /** All that lower layers have in the directory `path` is deleted. */
  | { readonly kind: 'opaque'; readonly path: Buffer }
  /** AUFS's own. Hard links of old layers may lead to files there, and that is all that they are good for. */
  | { readonly kind: 'leftover'; readonly path: Buffer };

function isLeftover(component: Buffer): boolean {
  return component.toString('latin1', 0, AUFS_PREFIX.length) === AUFS_PREFIX;
}

/**
 * Reads a name; paths have no slash at their ends, and the root's is empty.
 *
 * @throws {FormatError} `ERR_OVERLAY_LAYER_NAME` for names with `..` and for whiteouts of nothing, `.` and `..`
 */
export function readLayerName(name: Buffer): LayerWord {
  const components = componentsOf(name);
  const last = components.at(-1);
  if (last === undefined || !components.some(isReserved)) return { kind: 'entry', path: plainPath(name) };
  const above = components.slice(0, -1);
  const directory = () => plainPath(pathOf(above));
  if (last.toString('latin1') === OPAQUE && !above.some(isReserved)) {
    return { kind: 'opaque', path: directory() };
  }
  if (components.some(isLeftover)) return { kind: 'leftover', path: pathOf(components) };
  if (above.some(isReserved)) throw badName(name, 'it lies in a whiteout');
  const deleted = last.subarray(PREFIX.length);
  if (['', '.', '..'].includes(deleted.toString('latin1'))) throw badName(name, 'it deletes no name');
  if (deleted.length > LONGEST_NAME)
    throw badName(name, `it deletes a name of more than ${LONGEST_NAME} bytes`);
  return { kind: 'whiteout', path: pathOf([...componentsOf(directory()), deleted]) };
}

/** What a hard link leads to: files that AUFS left, too. @throws {FormatError} `ERR_OVERLAY_LAYER_NAME` as {@link readLayerName} */
export function readLinkTarget(linkname: Buffer): Buffer {
  const word = readLayerName(linkname);
  return word.kind === 'leftover' ? word.path : plainPath(linkname);
}

/**
 * The name of the entry that deletes `path` of lower layers.
 *
 * @throws {FormatError} `ERR_OVERLAY_LAYER_NAME` for the root, and for names that are whiteouts themselves
 */
export function whiteoutName(path: Buffer): Buffer {
  const components = componentsOf(path);
  const last = components.pop();
  if (last === undefined || isReserved(last)) throw badName(path, 'no whiteout can delete it');
  return pathOf([...components, Buffer.concat([PREFIX, last])]);
}

/** The name of the entry that deletes all that lower layers have in the directory. */
export function opaqueName(directory: Buffer): Buffer {
  return pathOf([...componentsOf(directory), Buffer.from(OPAQUE)]);
}
