// Errors inside a live overlay that come from where it writes: no upper, a read-only or full filesystem, a removed upper.
import { EDQUOT, ENOENT, ENOSPC, EROFS } from '../kernel/errno.ts';
import { namesOf } from './layer-entries.ts';
import { isThere } from './mount-facts.ts';
import { about, pathOf, quote, type RunTimeRule } from './run-time-rule.ts';
import { subjectText } from './subject.ts';

/** Free room below this is none: a filesystem keeps some for itself. */
const NO_ROOM = 64 << 10;
// linux/magic.h: BTRFS_SUPER_MAGIC. Its quotas show in no mount option.
const BTRFS = 0x9123_683e;

function sizeText(bytes: number): string {
  return bytes < 1 << 20 ? `${Math.floor(bytes / 1024)} KiB` : `${Math.floor(bytes / (1 << 20))} MiB`;
}

export const WRITE_RULES: readonly RunTimeRule[] = [
  {
    code: 'ERR_OVERLAY_READ_ONLY_VIEW',
    errnos: [EROFS],
    find: (facts) =>
      facts.overlay !== undefined && facts.overlay.upper === undefined
        ? about(
            facts,
            'this overlay has no upper: it is a read-only view of its lower layers',
            'mount with an upper',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_UPPER_READ_ONLY',
    errnos: [EROFS],
    find: (facts) => {
      const { upper } = facts;
      const options = isThere(upper) ? upper.mount?.superOptions.toString() : undefined;
      if (!isThere(upper) || options === undefined || !/^ro(,|$)/.test(options)) return undefined;
      return {
        ...about(
          facts,
          `${subjectText(upper.subject)} is on a filesystem that is read-only now (mounted at ${quote(upper.mount!.target)})`,
          'make that filesystem writable again; if the kernel did it because of errors, dmesg says which',
        ),
        option: 'upper',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_READ_ONLY_MOUNT',
    errnos: [EROFS],
    find: (facts) =>
      facts.overlay?.attributes.readOnly === true
        ? about(
            facts,
            'this mount of the overlay is read-only (the attribute readOnly)',
            'remount(target, { readOnly: false }), or mount without the attribute',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_READ_ONLY',
    errnos: [EROFS],
    find: (facts) =>
      facts.overlay?.upper !== undefined && facts.overlay.readOnly
        ? about(
            facts,
            'the overlay is read-only as a whole, though it has an upper: it was mounted with "ro", or the kernel could not use its work directory',
            'unmount and mount it again; if the kernel did it, dmesg says why, and a new empty work directory helps',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_QUOTA',
    errnos: [EDQUOT],
    find: (facts) => {
      const { upper } = facts;
      if (!isThere(upper)) return undefined;
      const counts = /quota|qnoenforce/.test(upper.mount?.superOptions.toString() ?? '');
      if (!counts && upper.filesystem.type !== BTRFS) return undefined;
      return {
        ...about(
          facts,
          `the quota on the filesystem of ${subjectText(upper.subject)} is used up; it counts what the overlay copies up, by the owner of each file`,
          'raise the quota (quota -u, or the project of the directory), or remove something from the upper',
        ),
        option: 'upper',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_NO_SPACE',
    errnos: [ENOSPC],
    find: (facts) => {
      const { upper, failure, inUpper, inLowers } = facts;
      // Watching fails with ENOSPC too, when there are too many watches.
      if (!isThere(upper) || failure.syscall === 'watch') return undefined;
      const { available, blockSize, filesFree, files } = upper.filesystem;
      const free = available * blockSize;
      const copied = inUpper === undefined ? (inLowers[0]?.entry.size ?? 0) : 0;
      const noInodes = files > 0 && filesFree === 0;
      if (free > Math.max(NO_ROOM, copied) && !noInodes) return undefined;
      if (facts.overlay?.inMemory === true) {
        return about(
          facts,
          `the memory for the changes of this overlay is used up: ${sizeText(free)} and ${filesFree} inodes of ${sizeText(upper.filesystem.blocks * blockSize)} and ${files} are free`,
          'give scratch() a larger size or more inodes, or upperOn, a directory on disk',
        );
      }
      const whole =
        copied > 0 ? `; the first change of ${pathOf(facts)} copies all of it up (${sizeText(copied)})` : '';
      return {
        ...about(
          facts,
          `the filesystem of ${subjectText(upper.subject)} has ${sizeText(free)} and ${files > 0 ? filesFree : 'any number of'} inodes free${whole}; the lower layers do not count`,
          `make room on it, or use an upper on a larger filesystem${copied > 0 ? '; metacopy: true saves the copy where only metadata changes' : ''}`,
        ),
        option: 'upper',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_UPPER_REMOVED',
    errnos: [ENOENT],
    find: (facts) => {
      const { upper, failure, parents, place } = facts;
      const creates = /^(mkdir|mkdtemp|symlink)$/.test(failure.syscall ?? '');
      const gone = upper !== undefined && (isThere(upper) ? upper.stat.links === 0 : upper.errno === ENOENT);
      if (!creates || !gone || place === undefined) return undefined;
      // Its directory is there: otherwise ENOENT means just what it says.
      if (parents.length === 0 && namesOf(place).length > 1) return undefined;
      return {
        ...about(
          facts,
          `${subjectText(upper.subject)} has been removed while the overlay is mounted, so that nothing can be created`,
          'unmount the overlay, and mount it with a new upper and work directory',
        ),
        option: 'upper',
      };
    },
  },
];
