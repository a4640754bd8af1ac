// The modes of an overlay in which its layers look different on the disk.
import type { AnyOverlayOptions } from '../../lib/format/mount-spec.ts';
import type { Planting } from './operations.ts';

/** The namespace of the overlay's extended attributes. */
export type Dialect = 'trusted' | 'user';

export interface Mode {
  readonly name: string;
  readonly options: AnyOverlayOptions;
  readonly dialect: Dialect;
  /** What may be planted: what a mount with these options refuses to act on, it does not show. */
  readonly plant: readonly Planting['plant'][];
  /** What is done with the layers before they are stacked. */
  readonly shape?: 'xattrWhiteouts' | 'nested' | 'dataOnly';
}

const marks = ['whiteout', 'xattrWhiteout', 'opaque', 'other'] as const;

export const modes: readonly Mode[] = [
  { name: 'trusted', dialect: 'trusted', options: {}, plant: marks },
  { name: 'userxattr', dialect: 'user', options: { userxattr: true }, plant: marks },
  {
    name: 'redirect_dir=on',
    dialect: 'trusted',
    options: { redirectDir: 'on' },
    plant: [...marks, 'redirect'],
  },
  {
    name: 'metacopy=on',
    dialect: 'trusted',
    options: { redirectDir: 'on', metacopy: true },
    plant: [...marks, 'redirect', 'metacopy'],
  },
  {
    name: 'index=on',
    dialect: 'trusted',
    options: { index: true, redirectDir: 'on' },
    plant: [...marks, 'redirect'],
  },
  {
    name: 'xattr whiteouts',
    dialect: 'trusted',
    options: { redirectDir: 'on' },
    plant: marks,
    shape: 'xattrWhiteouts',
  },
  {
    name: 'nested overlay',
    dialect: 'trusted',
    options: { redirectDir: 'on' },
    plant: marks,
    shape: 'nested',
  },
  {
    name: 'data-only',
    dialect: 'trusted',
    options: { redirectDir: 'on', metacopy: true },
    plant: [...marks, 'metacopy'],
    shape: 'dataOnly',
  },
];
