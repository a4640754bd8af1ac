// The codes for bringing changes down: planApply, apply, resumeApply.

export const APPLY_CODES = {
  ERR_OVERLAY_CONFLICT: {
    meaning:
      'the target is not what the changes were made of, or was changed meanwhile; `findings` has each place',
    remedy: 'look at them; then `force: true`, or leave them out by `paths`',
  },
  ERR_OVERLAY_NO_APPLY_TARGET: {
    meaning: 'several lowers, and no directory named that gets the changes',
    remedy: 'name it as `to`',
  },
  ERR_OVERLAY_APPLY_LOCKED: {
    meaning: 'somebody applies changes to the directory, or it is the upper or work directory of an overlay',
    remedy: 'wait, or unmount the overlay',
  },
  ERR_OVERLAY_APPLY_UNFINISHED: {
    meaning: 'changes are applied in part: an error came half-way, or an earlier process died',
    remedy: 'remove the cause, then `resumeApply()`, or `overlayfs apply --resume`',
  },
  ERR_OVERLAY_FOREIGN_JOURNAL: {
    meaning: 'a journal in the target was not written by this user, or others may write in it',
    remedy: 'have its owner finish it, or remove it',
  },
} as const;
