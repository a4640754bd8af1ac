// Errors inside a live overlay that come from its notes in the layers: whiteouts, redirects, metacopies, origins.
import { S_IFDIR, S_IFMT, S_IFREG } from '../kernel/constants.ts';
import { EIO, ENXIO, EPERM, ESTALE, EXDEV } from '../kernel/errno.ts';
import { type Entry, isWhiteout } from './layer-entries.ts';
import { NAMING_INODES } from './memory-rules.ts';
import { isThere } from './mount-facts.ts';
import type { RunTimeFacts } from './run-time.ts';
import { about, pathOf, type RunTimeRule } from './run-time-rule.ts';
import { subjectText } from './subject.ts';

const kind = ({ stat }: Entry) => stat.mode & S_IFMT;

/** Of all layers, the one whose entry the merged view shows. */
function topOf({ inUpper, inLowers }: RunTimeFacts) {
  return inUpper ?? inLowers[0];
}

function metacopyIsOn({ overlay, module }: RunTimeFacts): boolean {
  return overlay?.options.metacopy ?? module.metacopy;
}

function redirectDir({ overlay, module }: RunTimeFacts): string {
  return overlay?.options.redirectDir ?? (module.redirectDir ? 'on' : 'off');
}

/** Metacopy notes, the top one first, and what lies below. */
function metacopy(facts: RunTimeFacts) {
  const all = [facts.inUpper, ...facts.inLowers].filter((found) => found !== undefined);
  const first = all.findIndex(({ entry }) => entry.notes.metacopy !== undefined);
  return first < 0 ? undefined : { noted: all[first]!, below: all.slice(first + 1) };
}

export const NOTE_RULES: readonly RunTimeRule[] = [
  {
    code: 'ERR_OVERLAY_WHITEOUT_OPENED',
    errnos: [ENXIO],
    find: (facts) =>
      facts.itself !== undefined && isWhiteout(facts.itself)
        ? about(
            facts,
            `${pathOf(facts)} is a whiteout: a device 0:0 by which an upper says that this name is deleted; it has no content`,
            'read through the mounted overlay, where the name does not exist; or lstat first, and skip or recreate what is a character device 0:0',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_REDIRECT_OFF',
    errnos: [EXDEV],
    find: (facts) => {
      const lower = facts.inLowers.find(({ entry }) => kind(entry) === S_IFDIR);
      if (facts.failure.syscall !== 'rename' || lower === undefined || redirectDir(facts) === 'on')
        return undefined;
      return about(
        facts,
        `${pathOf(facts)} is a directory that ${subjectText(lower.layer)} has, and this overlay, mounted without redirect_dir=on, renames no directories of lower layers`,
        facts.overlay?.options.userxattr === true
          ? 'copy and remove it (fs.cp, fs.rm), as mv(1) does: with userxattr, and so without root, the kernel has no redirects'
          : "mount with options: { redirectDir: 'on' }, or copy and remove it (fs.cp, fs.rm), as mv(1) does",
      );
    },
  },
  {
    code: 'ERR_OVERLAY_REDIRECT_TOO_LONG',
    errnos: [EXDEV],
    find: (facts) => {
      const { place, module } = facts;
      const lower = facts.inLowers.some(({ entry }) => kind(entry) === S_IFDIR);
      if (
        !lower ||
        place === undefined ||
        redirectDir(facts) !== 'on' ||
        place.length + 1 <= module.redirectMax
      )
        return undefined;
      return about(
        facts,
        `${pathOf(facts)} is a directory of a lower layer, and its path in the overlay, ${place.length + 1} bytes, is longer than the redirect that the module overlay allows (redirect_max, ${module.redirectMax})`,
        'copy and remove it, or raise /sys/module/overlay/parameters/redirect_max',
      );
    },
  },
  {
    code: 'ERR_OVERLAY_METACOPY_OFF',
    errnos: [EPERM, EIO],
    find: (facts) => {
      const noted = metacopy(facts)?.noted;
      if (noted === undefined || metacopyIsOn(facts)) return undefined;
      return about(
        facts,
        `${subjectText(noted.layer)} has only the metadata of ${pathOf(facts)} (the attribute overlay.metacopy), and this overlay is mounted without metacopy=on`,
        'mount with options: { metacopy: true }',
      );
    },
  },
  {
    code: 'ERR_OVERLAY_METACOPY_NO_DIGEST',
    errnos: [EIO],
    find: (facts) => {
      const noted = metacopy(facts)?.noted;
      // The header is four bytes; what follows is the digest (struct ovl_metacopy).
      if (facts.overlay?.options.verity !== 'require' || (noted?.entry.notes.metacopy?.length ?? 5) > 4)
        return undefined;
      return about(
        facts,
        `${subjectText(noted!.layer)} has the metadata of ${pathOf(facts)} without a digest, which verity=require demands`,
        "make the layer with digests, or mount with verity: 'on'",
      );
    },
  },
  {
    code: 'ERR_OVERLAY_METACOPY_DATA_GONE',
    errnos: [EIO],
    find: (facts) => {
      const found = metacopy(facts);
      if (found === undefined || !metacopyIsOn(facts)) return undefined;
      const data = found.below.some(
        ({ entry }) => kind(entry) === S_IFREG && entry.notes.metacopy === undefined,
      );
      if (data) return undefined;
      return about(
        facts,
        `${subjectText(found.noted.layer)} has only the metadata of ${pathOf(facts)}, and no layer below has the data any more`,
        'put the lower layer back as it was when the file was changed, or delete the file offline from the upper',
      );
    },
  },
  {
    code: 'ERR_OVERLAY_REDIRECT_NOT_FOLLOWED',
    errnos: [EPERM],
    find: (facts) => {
      const top = topOf(facts);
      if (top?.entry.notes.redirect === undefined || redirectDir(facts) !== 'nofollow') return undefined;
      return about(
        facts,
        `${subjectText(top.layer)} has ${pathOf(facts)} as a directory that was renamed (the attribute overlay.redirect), and this overlay is mounted with redirect_dir=nofollow`,
        "mount with options: { redirectDir: 'on' }, or 'follow'",
      );
    },
  },
  {
    code: 'ERR_OVERLAY_NEEDS_TRUSTED',
    errnos: [EIO],
    find: (facts) => {
      const { caller, overlay, inUpper, inLowers, failure } = facts;
      if (caller.initialUserNamespace !== false || overlay === undefined || overlay.options.userxattr)
        return undefined;
      const over = inUpper !== undefined && isWhiteout(inUpper.entry);
      const merged = inLowers.some(({ entry }) => kind(entry) === S_IFDIR);
      if (!(failure.syscall === 'mkdir' ? over : /^(rmdir|rm|rename)$/.test(failure.syscall ?? '') && merged))
        return undefined;
      return {
        ...about(
          facts,
          'an opaque directory is needed here, which is a trusted.* attribute, and a user namespace gives none; this overlay is mounted without userxattr',
          'mount with options: { userxattr: true }',
        ),
        option: 'userxattr',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_DIRECTORY_COPIED',
    errnos: [EIO],
    find: (facts) => {
      const { copied, upper, overlay } = facts;
      if (copied === undefined || !isThere(upper) || !NAMING_INODES.includes(upper.filesystem.type))
        return undefined;
      if (!overlay?.options.index && !overlay?.options.nfsExport) return undefined;
      return about(
        facts,
        `${subjectText(upper.subject)} has ${pathOf(facts)}, or the directory that holds it, as a copy of another directory in it (inode ${copied.stat.inode} with the overlay attributes of another inode), and the index knows only the other`,
        'remove the copy from the upper while the overlay is not mounted, and copy through the mounted overlay instead',
      );
    },
  },
  {
    code: 'ERR_OVERLAY_STALE',
    errnos: [ESTALE],
    find: (facts) => {
      const { inUpper, inLowers, overlay } = facts;
      const verified = overlay?.options.index || overlay?.options.nfsExport;
      if (!verified || inUpper?.entry.notes.origin === undefined || inLowers.length > 0) return undefined;
      return about(
        facts,
        `${subjectText(inUpper.layer)} has ${pathOf(facts)} as a copy of a lower file that is not there any more, and this overlay checks that (index or nfs_export)`,
        'put the lower layer back as it was, or start with a new upper and work directory',
      );
    },
  },
];
