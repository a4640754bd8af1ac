// Names of entries in layers: what each comes to as a path below the layer's root, as bytes.
import { FormatError } from '../format-error.ts';

const SLASH = 0x2f;
/** Of one name in a directory, on every filesystem that can hold a layer. */
export const LONGEST_NAME = 255;

/** A name as it can be shown in a message. */
export function shownName(name: Uint8Array): string {
  return JSON.stringify(Buffer.from(name).toString());
}

export function badName(name: Uint8Array, problem: string): FormatError {
  return new FormatError('ERR_OVERLAY_LAYER_NAME', `the layer names ${shownName(name)}: ${problem}`, {
    hint: 'do not trust this layer: the tools that make layers write no such names',
  });
}

/**
 * The components of a name: `./a`, `/a`, `a//b` and `a/` are tidied, the root is empty. Views of the name.
 *
 * @throws {FormatError} `ERR_OVERLAY_LAYER_NAME` for `..` anywhere, and a NUL byte
 */
export function componentsOf(name: Buffer): Buffer[] {
  const components: Buffer[] = [];
  for (let start = 0; start < name.length; ) {
    const slash = name.indexOf(SLASH, start);
    const end = slash < 0 ? name.length : slash;
    const component = name.subarray(start, end);
    const text = component.length > 2 ? '' : component.toString('latin1');
    if (text === '..') throw badName(name, 'it leads out of its directory');
    if (component.length > 0 && text !== '.') components.push(component);
    start = end + 1;
  }
  if (name.includes(0)) throw badName(name, 'it holds a NUL byte');
  return components;
}

/** Components as one path without a slash at its ends; the root is empty. */
export function pathOf(components: readonly Buffer[]): Buffer {
  const path = Buffer.allocUnsafe(components.reduce((sum, { length }) => sum + length + 1, 0));
  let length = 0;
  for (const component of components) {
    length += component.copy(path, length);
    path[length++] = SLASH;
  }
  return path.subarray(0, Math.max(0, length - 1));
}

/** The path of a plain name, such as the target of a hard link: nothing in it may be a whiteout's name. */
export function plainPath(name: Buffer): Buffer {
  const components = componentsOf(name);
  for (const component of components) {
    if (isReserved(component)) throw badName(name, 'names that begin with .wh. are for whiteouts');
    if (component.length > LONGEST_NAME)
      throw badName(name, `a component has more than ${LONGEST_NAME} bytes`);
  }
  return pathOf(components);
}

/** Whether the name of a file would be read as a whiteout in a layer. */
export function isReserved(component: Buffer): boolean {
  return component.subarray(0, 4).toString('latin1') === '.wh.';
}
