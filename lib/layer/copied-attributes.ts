// What a copy has of its original's owner and attributes: all, or what this user may give.
import { OverlayError } from '../format/overlay-error.ts';
import type { KernelError } from '../kernel/kernel-error.ts';
import type { Routine } from '../kernel/routine.ts';
import type { ReadEntry } from '../kernel/scan-directory.ts';
import { type Attributes, giveAttributes, scannedAttributes } from './attributes.ts';

export interface CopiedAttributes {
  /** Which extended attributes go along, by their names as latin1 text. */
  readonly takes: (attribute: string) => boolean;
  /** `'mine'`: everything belongs to this user, without the set-id bits and `security.*` attributes that go with an owner. */
  readonly owners: 'kept' | 'mine';
  /** Gives an open file to others, and the mode, where this user may do so nowhere else. Throws KernelError. */
  readonly chown?: ((fd: number, attributes: Attributes) => Routine<void>) | undefined;
}

const SET_ID = 0o6000;

const me = () => ({ uid: process.geteuid!(), gid: process.getegid!() });

/** What the copy of an entry is to have. */
export function attributesFor({ takes, owners }: CopiedAttributes, entry: ReadEntry): Attributes {
  const all = scannedAttributes(entry);
  const xattrs = all.xattrs.filter(([name]) => takes(name));
  if (owners === 'kept') return { ...all, xattrs };
  const { uid, gid } = me();
  const mode = all.uid === uid && all.gid === gid ? all.mode : all.mode & ~SET_ID;
  return { ...all, uid, gid, mode, xattrs: xattrs.filter(([name]) => !name.startsWith('security.')) };
}

/** Who gives a file to others may do nothing to it afterwards: that comes last. Throws KernelError. */
export function* giveCopied({ chown }: CopiedAttributes, fd: number, wanted: Attributes): Routine<void> {
  const { uid, gid } = me();
  const isMine = wanted.uid === uid && wanted.gid === gid;
  if (chown === undefined || isMine) return yield* giveAttributes(fd, wanted);
  yield* giveAttributes(fd, { ...wanted, uid, gid });
  yield* chown(fd, wanted);
}

/** What EPERM means there. */
export function notPermitted(path: string, error: KernelError, { uid, gid }: Attributes): OverlayError {
  const [sentence, hint] =
    error.syscall === 'fchownat'
      ? [
          `${path} belongs to user ${uid} and group ${gid}, and this user may give no files to others`,
          "keep it as root, or with owners: 'mine', and everything belongs to you",
        ]
      : [
          `${path} has an attribute that this user may not set: ${error.message}`,
          "keep it as root, or with owners: 'mine', which leaves out those of security.*",
        ];
  return new OverlayError([{ code: 'ERR_OVERLAY_OWNER_NOT_KEPT', sentence, hint, path }], error);
}
