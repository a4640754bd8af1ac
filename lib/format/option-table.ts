// Every option of the kernel's overlay driver: its names, its values, what it needs and what it excludes.
//
// Source: Documentation/filesystems/overlayfs.rst and fs/overlayfs/params.c; conflicts measured on Linux 6.18.

import type { AnyOverlayOptions } from './mount-spec.ts';

export type OverlayOptionName = Exclude<keyof AnyOverlayOptions, 'raw'>;

/**
 * - `onOff`: a boolean, sent as `key=on` or `key=off`
 * - `choice`: one of the words in `values`, sent as `key=word`
 * - `flag`: a boolean, sent as the bare key when true, not sent when false
 * - `negatable`: a boolean, sent as the bare key, or as the key with `no` before it
 */
export type OverlayOptionKind = 'onOff' | 'choice' | 'flag' | 'negatable';

export interface OverlayOptionConflict {
  /** This option's value that excludes… */
  readonly value: boolean | string;
  /** …the other option… */
  readonly other: OverlayOptionName;
  /** …when it has one of these values. */
  readonly values: readonly (boolean | string)[];
  /** The kernel refuses the pair only when there is an upper layer. */
  readonly withUpperOnly?: true;
  readonly hint: string;
}

export interface OverlayOptionRow {
  /** The name in `OverlayOptions`. */
  readonly name: OverlayOptionName;
  /** The kernel's name. */
  readonly key: string;
  readonly kind: OverlayOptionKind;
  readonly values: readonly (boolean | string)[];
  /** The first kernel that knows the option. For people: programs ask `features()`. */
  readonly since: string;
  readonly meaning: string;
  /** What it needs to work, or to be of use. */
  readonly needs?: string;
  /** The values that the kernel drops without a word when there is no upper layer. */
  readonly uselessWithoutUpper: readonly (boolean | string)[];
  readonly conflicts: readonly OverlayOptionConflict[];
}

const BOTH: readonly boolean[] = [true, false];
const NONE: readonly never[] = [];

export const OVERLAY_OPTIONS: readonly OverlayOptionRow[] = [
  {
    name: 'defaultPermissions',
    key: 'default_permissions',
    kind: 'flag',
    values: BOTH,
    since: '4.4',
    meaning: "check modes and ACLs in the overlay, with the caller's identity",
    uselessWithoutUpper: NONE,
    conflicts: NONE,
  },
  {
    name: 'redirectDir',
    key: 'redirect_dir',
    kind: 'choice',
    values: ['on', 'off', 'follow', 'nofollow'],
    since: '4.10',
    meaning: 'let directories of a lower layer be renamed, by notes that are called redirects',
    needs: "trusted xattrs for 'on': real root, and no userxattr",
    uselessWithoutUpper: NONE,
    conflicts: NONE,
  },
  {
    name: 'index',
    key: 'index',
    kind: 'onOff',
    values: BOTH,
    since: '4.13',
    meaning: 'keep hard links together over a copy-up, and lock upper and work against a second mount',
    needs: 'an upper, and file handles on every layer',
    uselessWithoutUpper: [true],
    conflicts: NONE,
  },
  {
    name: 'uuid',
    key: 'uuid',
    kind: 'choice',
    values: ['on', 'off', 'null', 'auto'],
    since: '5.11',
    meaning: "where the overlay's filesystem identifier comes from",
    needs: "an upper for 'on'; all layers on one filesystem for 'off'",
    uselessWithoutUpper: ['on', 'off'],
    conflicts: NONE,
  },
  {
    name: 'nfsExport',
    key: 'nfs_export',
    kind: 'onOff',
    values: BOTH,
    since: '4.16',
    meaning: 'give file handles, so that the overlay can be exported; switches index on',
    needs: "file handles on every layer; without an upper also redirectDir: 'nofollow'",
    uselessWithoutUpper: NONE, // but see REDIRECTS_SPOIL_EXPORT in check-options.ts
    conflicts: [
      { value: true, other: 'index', values: [false], hint: 'leave index out, nfsExport switches it on' },
      { value: true, other: 'metacopy', values: [true], hint: 'choose one of nfsExport and metacopy' },
    ],
  },
  {
    name: 'xino',
    key: 'xino',
    kind: 'choice',
    values: ['on', 'off', 'auto'],
    since: '4.17',
    meaning: 'keep inode numbers unique and constant over layers of several filesystems',
    needs: 'free high bits in the inode numbers of every layer',
    uselessWithoutUpper: NONE,
    conflicts: NONE,
  },
  {
    name: 'metacopy',
    key: 'metacopy',
    kind: 'onOff',
    values: BOTH,
    since: '4.19',
    meaning: 'copy no data up when only metadata changes; switches redirectDir on',
    needs: 'trusted xattrs: real root, and no userxattr',
    uselessWithoutUpper: NONE,
    conflicts: [
      {
        value: true,
        other: 'redirectDir',
        values: ['off', 'nofollow'],
        hint: "leave redirectDir out or set it to 'on', metacopy needs it",
      },
      {
        value: true,
        other: 'redirectDir',
        values: ['follow'],
        withUpperOnly: true,
        hint: "leave redirectDir out or set it to 'on', metacopy needs it",
      },
    ],
  },
  {
    name: 'verity',
    key: 'verity',
    kind: 'choice',
    values: ['on', 'off', 'require'],
    since: '6.6',
    meaning: 'check the fs-verity digests that metacopy files carry, or demand them',
    needs: 'fs-verity on the lower filesystem; before Linux 6.16 also metacopy and no userxattr',
    uselessWithoutUpper: NONE,
    conflicts: NONE,
  },
  {
    name: 'volatile',
    key: 'volatile',
    kind: 'flag',
    values: BOTH,
    since: '5.10',
    meaning: 'sync nothing: fast, and not to be used again after a crash',
    needs: 'an upper',
    uselessWithoutUpper: [true],
    conflicts: [
      {
        value: true,
        other: 'fsync',
        values: ['auto', 'strict'],
        hint: 'choose one: volatile is itself a value of fsync',
      },
    ],
  },
  {
    name: 'fsync',
    key: 'fsync',
    kind: 'choice',
    values: ['auto', 'strict'],
    since: '7.0 (and stable 6.12, 6.18 of spring 2026)',
    meaning: 'how eagerly a copy-up is synced',
    needs: "an upper for 'strict'",
    uselessWithoutUpper: ['strict'],
    conflicts: NONE,
  },
  {
    name: 'userxattr',
    key: 'userxattr',
    kind: 'flag',
    values: BOTH,
    since: '5.11',
    meaning: "keep the overlay's notes in user.overlay.* instead of trusted.overlay.*",
    needs: 'user xattrs on the upper',
    uselessWithoutUpper: NONE,
    conflicts: [
      {
        value: true,
        other: 'redirectDir',
        // 'off' means 'follow' to a kernel with redirect_always_follow, which is the default, and is refused there.
        values: ['on', 'off', 'follow'],
        hint: "leave redirectDir out, or set it to 'nofollow'",
      },
      { value: true, other: 'metacopy', values: [true], hint: 'leave metacopy out, it needs trusted xattrs' },
    ],
  },
  {
    name: 'overrideCreds',
    key: 'override_creds',
    kind: 'negatable',
    values: BOTH,
    since: '6.15',
    meaning: "reach the layers with the mounter's credentials (true) or with the caller's (false)",
    uselessWithoutUpper: NONE,
    conflicts: NONE,
  },
];

/** The kernel's keys for the layers, which no `raw` option may repeat, with the spec's names for them. */
export const LAYER_KEYS: ReadonlyMap<string, string> = new Map([
  ['lowerdir', 'lower'],
  ['lowerdir+', 'lower'],
  ['datadir+', 'data'],
  ['upperdir', 'upper'],
  ['workdir', 'work'],
]);

/** The option that each kernel key belongs to: `nooverride_creds` is overrideCreds. */
export const OPTION_KEYS: ReadonlyMap<string, OverlayOptionName> = new Map(
  OVERLAY_OPTIONS.flatMap((row): [string, OverlayOptionName][] =>
    row.kind === 'negatable'
      ? [
          [row.key, row.name],
          [`no${row.key}`, row.name],
        ]
      : [[row.key, row.name]],
  ),
);
