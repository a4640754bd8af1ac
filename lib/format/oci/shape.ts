// Checks a JSON document against a shape; the problem names the document and the place in it.
import { FormatError } from '../format-error.ts';

/** Throws when the value is not of the shape. `at` is the place, as `manifest.layers[0].size`. */
export type Shape = (value: unknown, at: string) => void;

export function badDocument(at: string, problem: string): FormatError {
  return new FormatError('ERR_OVERLAY_IMAGE_DOCUMENT', `${at} ${problem}`, {
    hint: 'fetch or make the image again: a part of it is broken',
  });
}

export const text: Shape = (value, at) => {
  if (typeof value !== 'string') throw badDocument(at, 'is no string');
};

export const size: Shape = (value, at) => {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw badDocument(at, 'is no size');
};

export const flag: Shape = (value, at) => {
  if (typeof value !== 'boolean') throw badDocument(at, 'is neither true nor false');
};

export function exactly(...values: readonly unknown[]): Shape {
  return (value, at) => {
    if (!values.includes(value))
      throw badDocument(at, `is not ${values.map((v) => JSON.stringify(v)).join(' or ')}`);
  };
}

export function listOf(item: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) throw badDocument(at, 'is no list');
    for (const [i, element] of value.entries()) item(element, `${at}[${i}]`);
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function mapOf(item: Shape): Shape {
  return (value, at) => {
    if (!isObject(value)) throw badDocument(at, 'is no object');
    for (const [key, element] of Object.entries(value)) item(element, `${at}[${JSON.stringify(key)}]`);
  };
}

/** An object; what may be absent may also be null, as Go writes it. Other members are left alone. */
export function object(required: Record<string, Shape>, optional: Record<string, Shape> = {}): Shape {
  return (value, at) => {
    if (!isObject(value)) throw badDocument(at, 'is no object');
    for (const [key, shape] of Object.entries(required)) {
      if (!Object.hasOwn(value, key)) throw badDocument(at, `has no ${key}`);
      shape(value[key], `${at}.${key}`);
    }
    for (const [key, shape] of Object.entries(optional)) {
      const member = Object.hasOwn(value, key) ? value[key] : undefined;
      if (member !== undefined && member !== null) shape(member, `${at}.${key}`);
    }
  };
}

/** A document of JSON in UTF-8, checked. */
export function parseDocument(bytes: Uint8Array, name: string, shape: Shape): unknown {
  let document: unknown;
  try {
    document = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw badDocument(name, 'is no JSON in UTF-8');
  }
  shape(document, name);
  return document;
}
