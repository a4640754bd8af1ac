// Digests of content: the algorithm and the hexadecimal digits, and what they are derived to.
//
// Source: the OCI image specification, descriptor.md "Digests", config.md "Layer ChainID".
import { createHash } from 'node:crypto';
import { FormatError } from '../format-error.ts';
import { badDocument, type Shape } from './shape.ts';

/** Algorithms by their name, with the number of hexadecimal digits. */
const DIGITS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

/** `sha256:` and 64 digits; or another algorithm of the table. */
export type Digest = `${string}:${string}`;

export interface DigestParts {
  /** As `createHash` of node:crypto calls it. */
  readonly algorithm: string;
  readonly hex: string;
}

/** @throws {FormatError} `ERR_OVERLAY_IMAGE_DIGEST` */
export function parseDigest(digest: string): DigestParts {
  const [, algorithm, hex] = /^([a-z0-9]+(?:[+._-][a-z0-9]+)*):([a-zA-Z0-9=_-]+)$/.exec(digest) ?? [];
  const bad = (problem: string, hint: string) =>
    new FormatError('ERR_OVERLAY_IMAGE_DIGEST', `${JSON.stringify(digest)} ${problem}`, { hint });
  if (algorithm === undefined || hex === undefined) {
    throw bad('is no digest', 'a digest is an algorithm, a colon and hexadecimal digits');
  }
  const digits = Object.hasOwn(DIGITS, algorithm) ? DIGITS[algorithm] : undefined;
  if (digits === undefined) {
    throw bad('is of an algorithm that is not known', `use one of ${Object.keys(DIGITS).join(', ')}`);
  }
  if (hex.length !== digits || !/^[0-9a-f]+$/.test(hex)) {
    throw bad(`is no digest of ${algorithm}`, `${algorithm} has ${digits} hexadecimal digits, in lower case`);
  }
  return { algorithm, hex };
}

/** A digest in a document. */
export const digestShape: Shape = (value, at) => {
  if (typeof value !== 'string') throw badDocument(at, 'is no string');
  parseDigest(value);
};

/** Where an OCI layout keeps the content. */
export function blobPath(digest: string): string {
  const { algorithm, hex } = parseDigest(digest);
  return `blobs/${algorithm}/${hex}`;
}

export function digestOf(content: Uint8Array): Digest {
  return `sha256:${createHash('sha256').update(content).digest('hex')}`;
}

/** The chain ID of each layer: what it and all layers below it come to, bottom first. */
export function chainIds(diffIds: readonly string[]): string[] {
  const chain: string[] = [];
  for (const diffId of diffIds) {
    const below = chain.at(-1);
    chain.push(below === undefined ? diffId : digestOf(Buffer.from(`${below} ${diffId}`)));
  }
  return chain;
}
