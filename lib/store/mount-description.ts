// The mounts of a snapshot in containerd's form: type, source and options, as whoever mounts them by mount(2) needs them.
import { escapeLowerEntry, escapeOptionValue } from '../format/escape.ts';
import { bytesToPath } from '../format/path-bytes.ts';

/** One mount; containerd's `mount.Mount`. */
export interface MountDescription {
  readonly type: 'bind' | 'overlay' | 'btrfs';
  /** The directory of a bind, the device of a btrfs, `overlay`. Bytes where it is no UTF-8. */
  readonly source: string | Buffer;
  /** As mount(8) has them behind `-o`, one each; what is special in an overlay's paths has its backslash. */
  readonly options: readonly (string | Buffer)[];
}

export function bindMount(source: Buffer, readOnly: boolean): MountDescription {
  return { type: 'bind', source: bytesToPath(source), options: [readOnly ? 'ro' : 'rw', 'rbind'] };
}

const option = (name: string, value: Buffer) => bytesToPath(Buffer.concat([Buffer.from(`${name}=`), value]));

export interface OverlayParts {
  /** The parent first. */
  readonly lower: readonly Buffer[];
  readonly upper?: Buffer;
  readonly work?: Buffer;
  readonly userxattr: boolean;
}

export function overlayMount({ lower, upper, work, userxattr }: OverlayParts): MountDescription {
  const colon = Buffer.from(':');
  const layers = lower.flatMap((path, i) =>
    i === 0 ? [escapeLowerEntry(path)] : [colon, escapeLowerEntry(path)],
  );
  return {
    type: 'overlay',
    source: 'overlay',
    options: [
      'index=off',
      ...(userxattr ? ['userxattr'] : []),
      ...(work === undefined ? [] : [option('workdir', escapeOptionValue(work))]),
      ...(upper === undefined ? [] : [option('upperdir', escapeOptionValue(upper))]),
      option('lowerdir', Buffer.concat(layers)),
    ],
  };
}
