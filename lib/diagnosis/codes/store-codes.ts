// The codes for stores of snapshots: openStore and what it gives.

export const STORE_CODES = {
  ERR_STORE_KEY: {
    meaning: 'a key, name or parent that is empty, too long, or holds a NUL character',
    remedy: 'use a text of 1 to 4096 bytes',
  },
  ERR_STORE_LABEL: {
    meaning: 'a label without a name, or with more than 4096 bytes',
    remedy: 'shorten it',
  },
  ERR_STORE_FIELD: {
    meaning: 'an update of something else than labels',
    remedy: 'name `labels` or `labels.NAME`; name, parent and kind stay what they are',
  },
  ERR_STORE_FILTER: {
    meaning: 'a filter that cannot be read',
    remedy: 'write it as `kind==active,labels.app==web`',
  },
  ERR_STORE_NOT_FOUND: {
    meaning: 'no snapshot has that name, or no parent',
    remedy: 'see `list()`',
  },
  ERR_STORE_EXISTS: {
    meaning: 'a snapshot has that name already; active and committed ones share their names',
    remedy: 'remove it, or use another name',
  },
  ERR_STORE_NOT_COMMITTED: {
    meaning: 'the parent is active or a view',
    remedy: 'commit it first',
  },
  ERR_STORE_NOT_ACTIVE: {
    meaning: 'only an active snapshot can be committed, and no committed one be mounted',
    remedy: 'prepare one, or make a view',
  },
  ERR_STORE_HAS_CHILDREN: {
    meaning: 'other snapshots were made of the one to be removed',
    remedy: 'remove those first',
  },
  ERR_STORE_IN_USE: {
    meaning: 'the snapshot is mounted somewhere, or being made, committed or removed',
    remedy: 'unmount it; the message says where it is mounted, or by whom',
  },
  ERR_STORE_NO_LAYERS: {
    meaning: 'an image without layers was to be imported',
    remedy: 'prepare an empty snapshot instead',
  },
  ERR_STORE_TOO_DEEP: {
    meaning: 'a chain of more parents than an overlay can have lowers (500)',
    remedy: 'squash some of the layers',
  },
  ERR_STORE_NO_DRIVER: {
    meaning: 'the directory cannot hold snapshots by that driver; `findings` has why',
    remedy: 'use a directory on ext4, XFS or btrfs',
  },
  ERR_STORE_DRIVER: {
    meaning: 'the store has another driver than was asked for',
    remedy: "open it with `driver: 'auto'`",
  },
  ERR_STORE_FOREIGN: {
    meaning: 'the directory is no store, and not empty',
    remedy: 'name an empty directory',
  },
  ERR_STORE_READ_ONLY: {
    meaning: 'the store is on something that is mounted read-only',
    remedy: 'remount it read-write; its snapshots can be looked at as it is',
  },
  ERR_STORE_MISSING: {
    meaning: 'there is no store in the directory, and `create: false`, or the command, makes none',
    remedy: 'correct the path',
  },
  ERR_STORE_VERSION: {
    meaning: 'the store was made by a newer release',
    remedy: 'use a newer release',
  },
  ERR_STORE_CLOSED: {
    meaning: 'the store has been closed',
    remedy: 'open it again',
  },
  ERR_STORE_LOCKED: {
    meaning: 'another process has had the lock of the store for a minute; the message names it',
    remedy: 'see what it waits for, or end it',
  },
  ERR_STORE_METADATA_SPACE: {
    meaning:
      'btrfs has too little room for metadata, whatever df shows; the message has the amounts, `findings` the largest snapshots',
    remedy: 'the hint has the `btrfs balance` that helps, or remove snapshots',
  },
  ERR_STORE_NO_QUOTA: {
    meaning: 'limits were asked for that nothing on this filesystem would hold',
    remedy: 'mount it with project quotas, switch quotas of btrfs on, or leave the limits out',
  },
  ERR_STORE_DAMAGED: {
    meaning: 'a snapshot or the store itself whose record or data is missing or cannot be read',
    remedy: 'see `check()` and `repair()`',
  },
  ERR_STORE_NO_PARENT: {
    meaning: 'found by check: the parent of a snapshot is gone, or is another',
    remedy: 'import or make the parent anew, or remove the snapshot',
  },
  ERR_STORE_CHANGED: {
    meaning: 'found by check: a committed snapshot on btrfs was written to',
    remedy: 'remove it with its children, and make it anew',
  },
  ERR_STORE_WRITABLE: {
    meaning: 'found by check: a committed snapshot on btrfs lacks its read-only flag',
    remedy: '`repair()` sets it',
  },
  ERR_STORE_STRANGER: {
    meaning: 'found by check: something lies among the snapshots that no store put there',
    remedy: 'move it elsewhere',
  },
  ERR_STORE_RUBBISH: {
    meaning: 'found by check: what a process that died was making or removing',
    remedy: '`cleanup()` removes it',
  },
} as const;
