// What a mount is described with: the types of the public contract, and no code.

/** A path in bytes: a string stands for its UTF-8 bytes, a URL must be a local `file:` URL. */
export type PathLike = string | Uint8Array | URL;

/** A layer: a path, or an open directory (an `fs.FileHandle` fits; `O_PATH` descriptors need Linux 6.15). */
export type LayerSource = PathLike | { readonly fd: number };

/** How mount and unmount events spread between copies of a mount; see mount_namespaces(7). */
export type Propagation = 'private' | 'slave' | 'shared' | 'unbindable';

/**
 * Which system calls make the mount: `'fsopen'` is the new mount API (Linux 5.2), `'mount'` is mount(2), `'auto'` tries the
 * best first.
 */
export type MountVia = 'auto' | 'fsopen' | 'mount';

/**
 * How thoroughly to find out whether an upper or work directory is in use: `'quick'` reads the mount table and our own
 * locks, `'kernel'` also asks the kernel, which costs a millisecond or more.
 */
export type Guard = 'quick' | 'kernel';

/** Attributes of the mount (not of the filesystem); see mount(2) and mount_setattr(2). Absent means off. */
export interface MountAttributes {
  /** No writes through this mount. */
  readonly readOnly?: boolean;
  /** Set-user-id bits and file capabilities are without effect. */
  readonly nosuid?: boolean;
  /** Device nodes cannot be opened. */
  readonly nodev?: boolean;
  /** Programs cannot be executed. */
  readonly noexec?: boolean;
  /** Access times are never updated. */
  readonly noatime?: boolean;
  /** Access times are updated when older than the modification or a day; the kernel's default. */
  readonly relatime?: boolean;
  /** Access times are updated at each access. */
  readonly strictatime?: boolean;
  /** Access times of directories are never updated. */
  readonly nodiratime?: boolean;
  /** Symbolic links are not followed (Linux 5.10). */
  readonly nosymfollow?: boolean;
}

/** The options that get along with every other one. */
interface FreeOptions {
  /** The kernel checks modes and ACLs itself, with the caller's identity. */
  readonly defaultPermissions?: boolean;
  /** How the overlay's own filesystem identifier is made (Linux 6.6; `'off'` 5.11). */
  readonly uuid?: 'on' | 'off' | 'null' | 'auto';
  /** Inode numbers that stay unique over several filesystems (Linux 4.17). */
  readonly xino?: 'on' | 'off' | 'auto';
  /** Digests of fs-verity in metacopy files: checked, or also demanded (Linux 6.6). */
  readonly verity?: 'on' | 'off' | 'require';
  /** `false`: the mounter's credentials are not used for access to the layers (Linux 6.15). */
  readonly overrideCreds?: boolean;
  /** Options that this release does not know yet, passed as they are: `true` sends the bare word. */
  readonly raw?: Readonly<Record<string, string | true>>;
}

/** Which xattrs hold the overlay's notes, and which notes there are. */
type NoteOptions =
  | {
      /** Notes in `user.overlay.*`, so that no privilege is needed (Linux 5.11). */
      readonly userxattr: true;
      readonly redirectDir?: 'nofollow';
      readonly metacopy?: false;
    }
  | {
      readonly userxattr?: false;
      /** Whether renaming a directory of a lower layer leaves a redirect, and whether redirects are followed (Linux 4.10). */
      readonly redirectDir?: 'on';
      /** A change of metadata alone copies no data up (Linux 4.19); switches `redirectDir` on. */
      readonly metacopy?: boolean;
    }
  | {
      readonly userxattr?: false;
      readonly redirectDir?: 'off' | 'follow' | 'nofollow';
      readonly metacopy?: false;
    };

type ExportOptions =
  | {
      readonly nfsExport?: false;
      /** Hard links stay linked over a copy-up, and a second mount of the upper is refused (Linux 4.13). */
      readonly index?: boolean;
    }
  | {
      /** Stable file handles, so that the overlay can be exported (Linux 4.16); switches `index` on. */
      readonly nfsExport: true;
      readonly index?: true;
      readonly metacopy?: false;
    };

type SyncOptions =
  | {
      /** Nothing is synced: fast, and lost with the machine; leaves a marker in the work directory (Linux 5.10). */
      readonly volatile: true;
      readonly fsync?: never;
    }
  | {
      readonly volatile?: false;
      /**
       * How eagerly copy-up syncs: `'auto'` data only (the default), `'strict'` also metadata and directories. The kernel's
       * third value is written `volatile: true`, which older kernels know too. Linux 7.0, and 6.12 and 6.18 stable releases
       * since spring 2026: ask `features()`.
       */
      readonly fsync?: 'auto' | 'strict';
    };

/**
 * The options of the kernel's overlay driver; absent means the kernel's default. Combinations that every kernel refuses do
 * not compile. Source: Documentation/filesystems/overlayfs.rst.
 */
export type OverlayOptions = FreeOptions & NoteOptions & ExportOptions & SyncOptions;

/** The same options without the rules between them, for code that puts them together at run time. */
export interface AnyOverlayOptions extends FreeOptions {
  readonly redirectDir?: 'on' | 'off' | 'follow' | 'nofollow';
  readonly index?: boolean;
  readonly nfsExport?: boolean;
  readonly metacopy?: boolean;
  readonly volatile?: boolean;
  readonly fsync?: 'auto' | 'strict';
  readonly userxattr?: boolean;
}

/** One overlay mount, as it is asked for. */
export interface MountSpec {
  /** Read-only layers, top first, as the kernel counts; at most 500 together with `data`. */
  readonly lower: LayerSource | readonly LayerSource[];
  /** Layers that give only the data of metacopy files and show no names (Linux 6.5). */
  readonly data?: readonly LayerSource[];
  /** Where changes go; absent: a read-only view. */
  readonly upper?: LayerSource;
  /** The kernel's scratch directory on the upper's mount; absent: made beside the upper and removed on unmount. */
  readonly work?: LayerSource;
  /** Where to mount; absent: detached. */
  readonly target?: PathLike;
  /** Create upper, work and target when missing; default false. */
  readonly mkdir?: boolean;
  readonly options?: OverlayOptions;
  readonly attributes?: MountAttributes;
  readonly propagation?: Propagation;
  /** The name shown in /proc/mounts; default `"overlay"`. */
  readonly source?: string;
  /**
   * Default false: an upper or work directory that is in use elsewhere, lies in one that is, contains one, or is a lower of
   * a mounted overlay, is refused.
   */
  readonly shareUpper?: boolean;
  /** Default false: a lower or data layer that is the upper or work directory of a live overlay, or lies in one, is refused. */
  readonly shareLower?: boolean;
  /** Default false: an upper or work directory in a lower is refused; in the overlay it answers ELOOP. */
  readonly overlapLayers?: boolean;
  /** Default false: an upper written with `userxattr` and used without it, or the other way round, is refused. */
  readonly mixDialects?: boolean;
  /**
   * Default false: an upper that was used with another first lower, as `index` or `nfsExport` made it note, is refused.
   * `true` forgets the note where the kernel would refuse.
   */
  readonly changeLower?: boolean;
  /**
   * Default false: an upper of a volatile overlay is refused, whatever the work directory, since what was written may be
   * incomplete if the machine went down. `true` removes the mark (`work/incompat/volatile` in the work directory, and the
   * attribute `overlayfs.volatile` of upper).
   */
  readonly trustVolatile?: boolean;
  /** Default false: a work directory with an entry `work` that is not the driver's, which would delete it, is refused. */
  readonly discardWork?: boolean;
  readonly guard?: Guard;
  readonly via?: MountVia;
  /**
   * `true`: in a user namespace that maps this user and group alone, so that files of others cannot be changed. `'auto'`:
   * the same, when not privileged. `'ranges'`: with the ids that /etc/subuid and /etc/subgid give to this user, by
   * newuidmap(1) and newgidmap(1).
   */
  readonly rootless?: boolean | 'auto' | 'ranges';
}

/** A throw-away overlay, as it is asked for. */
export interface ScratchOptions {
  /** Bytes that changes may take in memory; default: half of the machine's memory, as tmpfs(5) has it. */
  readonly size?: number;
  /** Files and directories that changes may be, at least 16; default: by the machine's memory. */
  readonly inodes?: number;
  /** Keep changes below this directory instead of in memory, until the overlay ends. */
  readonly upperOn?: PathLike;
  readonly data?: readonly LayerSource[];
  readonly options?: OverlayOptions;
  readonly attributes?: MountAttributes;
  /** Default `'auto'`. As in {@link MountSpec}. */
  readonly rootless?: boolean | 'auto' | 'ranges';
  /** Default false, as in {@link MountSpec}. */
  readonly shareLower?: boolean;
}

export interface UnmountOptions {
  /** Take the mount out of sight now and end it when its last user lets go (MNT_DETACH). */
  readonly lazy?: boolean;
}
