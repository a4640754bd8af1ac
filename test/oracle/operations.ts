// What a sequence of operations can hold, as values that fast-check makes and shrinks.
import fc from '../support/fast-check.ts';

/**
 * Where: `into` chooses a directory of those that are there, level by level; `name` chooses an entry of those that are
 * there, or a new name.
 */
export interface Place {
  readonly into: readonly number[];
  readonly name: number;
}

interface At {
  readonly at: Place;
}
interface AtWithContent extends At {
  readonly content: number;
}
interface FromTo extends At {
  readonly to: Place;
}

/** What each operation needs to know; numbers choose from lists. */
export interface Needs {
  readonly write: AtWithContent;
  readonly writeExisting: AtWithContent;
  readonly append: AtWithContent;
  readonly overwrite: AtWithContent;
  readonly truncate: At & { readonly size: number };
  readonly mkdir: At;
  readonly unlink: At;
  readonly rmdir: At;
  readonly remove: At;
  readonly remake: At;
  readonly replace: At;
  readonly rename: FromTo;
  readonly renameOver: FromTo;
  readonly exchange: FromTo;
  readonly link: FromTo;
  readonly symlink: At & { readonly target: number };
  readonly mknod: At & { readonly kind: number };
  readonly chmod: At & { readonly mode: number };
  readonly chown: At & { readonly uid: number; readonly gid: number };
  readonly utimes: At & { readonly time: number };
  readonly setxattr: At & { readonly name: number; readonly value: number };
  readonly removexattr: At & { readonly name: number };
  /** Opens for writing and writes nothing: a copy-up without a change. */
  readonly touch: At;
  readonly remount: unknown;
}

export type Operation = { [D in keyof Needs]: { readonly do: D } & Needs[D] }[keyof Needs];

/** What is planted in a layer that no overlay made: marks right and wrong, in places where they make sense or none. */
export type Planting =
  | { readonly plant: 'whiteout' | 'xattrWhiteout'; readonly at: Place }
  | { readonly plant: 'opaque'; readonly at: Place; readonly value: number }
  | { readonly plant: 'redirect'; readonly at: Place; readonly value: number; readonly to: Place }
  | { readonly plant: 'metacopy'; readonly at: Place; readonly value: number }
  | { readonly plant: 'other'; readonly at: Place; readonly name: number };

const small = fc.nat(11);

const place: fc.Arbitrary<Place> = fc.record({ into: fc.array(fc.nat(5), { maxLength: 3 }), name: small });

function operation<D extends Operation['do']>(
  words: readonly D[],
  rest: Readonly<Record<string, fc.Arbitrary<unknown>>>,
): fc.Arbitrary<Operation> {
  return fc.record({
    do: fc.constantFrom(...words),
    ...rest,
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<Operation>;
}

const weighted: readonly (readonly [number, fc.Arbitrary<Operation>])[] = [
  [6, operation(['write'], { at: place, content: small })],
  [2, operation(['writeExisting', 'append', 'overwrite'], { at: place, content: small })],
  [1, operation(['truncate'], { at: place, size: small })],
  [6, operation(['mkdir'], { at: place })],
  [3, operation(['unlink'], { at: place })],
  [3, operation(['rmdir', 'remove', 'remake', 'replace'], { at: place })],
  [6, operation(['rename', 'renameOver'], { at: place, to: place })],
  [3, operation(['exchange'], { at: place, to: place })],
  [3, operation(['link'], { at: place, to: place })],
  [2, operation(['symlink'], { at: place, target: small })],
  [2, operation(['mknod'], { at: place, kind: small })],
  [3, operation(['chmod'], { at: place, mode: small })],
  [3, operation(['chown'], { at: place, uid: fc.nat(3), gid: fc.nat(3) })],
  [2, operation(['utimes'], { at: place, time: small })],
  [3, operation(['setxattr'], { at: place, name: small, value: small })],
  [1, operation(['removexattr'], { at: place, name: small })],
  [2, operation(['touch'], { at: place })],
  [1, fc.constant<Operation>({ do: 'remount' })],
];

const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  ...weighted.map(([weight, arbitrary]) => ({ weight, arbitrary })),
);

export function operations(maxLength: number): fc.Arbitrary<Operation[]> {
  return fc.array(anyOperation, { maxLength, size: 'max' });
}

const planting: fc.Arbitrary<Planting> = fc.oneof(
  fc.record({ plant: fc.constantFrom('whiteout' as const, 'xattrWhiteout' as const), at: place }),
  fc.record({ plant: fc.constant('opaque' as const), at: place, value: small }),
  fc.record({ plant: fc.constant('redirect' as const), at: place, value: small, to: place }),
  fc.record({ plant: fc.constant('metacopy' as const), at: place, value: small }),
  fc.record({ plant: fc.constant('other' as const), at: place, name: small }),
);

export function plantings(maxLength: number): fc.Arbitrary<Planting[]> {
  return fc.array(planting, { maxLength });
}
