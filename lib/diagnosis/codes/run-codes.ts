// The codes for running a command over a copy-on-write view.

export const RUN_CODES = {
  ERR_OVERLAY_COMMAND_NOT_FOUND: {
    meaning: 'no program of that name lies where it was looked for; `overlayfs run` ends with 127',
    remedy: 'correct the name, or `PATH`',
  },
  ERR_OVERLAY_COMMAND_NOT_EXECUTABLE: {
    meaning:
      'the program is there and cannot be started: the message says why; `overlayfs run` ends with 126',
    remedy: 'what the message names: permissions, the interpreter in its first line, its arguments',
  },
  ERR_OVERLAY_RUN_ROOT: {
    meaning: 'the root directory itself as the place of a view',
    remedy: 'cover all in it with `whole: true`, or name a directory in it',
  },
  ERR_OVERLAY_RUN_READ_ONLY: {
    meaning: 'in `notes`, never thrown: what could not be covered, and is read-only for the command',
    remedy: 'where the command has to write there, name it as `at` for the reason',
  },
  ERR_OVERLAY_RUN_GOING: {
    meaning: 'the command, or something that it started, still runs, and may change more',
    remedy: 'await `finished` first',
  },
  ERR_OVERLAY_RUN_LOST: {
    meaning: 'the process that keeps watch over the command was killed, so that nothing is known of its end',
    remedy: 'look for who kills processes: the kernel log tells when memory ran out',
  },
  ERR_OVERLAY_RUN_SEVERAL: {
    meaning: 'something that is possible for a single view only, of a run that has several',
    remedy: 'name one directory as `at` that nothing is mounted in',
  },
} as const;
