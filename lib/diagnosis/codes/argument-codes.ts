// The codes for arguments that are wrong in themselves, found before any system call.

export const ARGUMENT_CODES = {
  ERR_OVERLAY_INVALID_TYPE: {
    meaning: 'a value of the wrong type',
    remedy: 'pass the type that the hint names',
  },
  ERR_OVERLAY_INVALID_VALUE: {
    meaning: 'a value that is not one of those allowed',
    remedy: 'pass one of those that the hint lists',
  },
  ERR_OVERLAY_INVALID_DESCRIPTOR: {
    meaning: '`{ fd }` with something that is no descriptor, or that is not open',
    remedy: 'keep the directory open until it is mounted',
  },
  ERR_OVERLAY_INVALID_PATH: {
    meaning: 'a string or URL that stands for no path: a lone surrogate, another scheme than `file:`, a host',
    remedy: 'pass a Buffer for a path that is no text, or a `file:` URL without a host',
  },
  ERR_OVERLAY_EMPTY_PATH: {
    meaning: 'an empty path',
    remedy: 'name a directory, or leave the part out',
  },
  ERR_OVERLAY_NUL_BYTE: {
    meaning: 'a path with a NUL byte',
    remedy: 'remove it: no path of Linux can hold one',
  },
  ERR_OVERLAY_TILDE: {
    meaning: 'a path that begins with `~/`, which only shells expand',
    remedy: 'use the expanded path, which the hint has',
  },
  ERR_OVERLAY_NO_LOWER: {
    meaning: 'no lower',
    remedy: 'name at least one lower directory',
  },
  ERR_OVERLAY_TOO_MANY_LAYERS: {
    meaning: 'more than 500 lower and data layers',
    remedy: 'merge some of them',
  },
  ERR_OVERLAY_WORK_WITHOUT_UPPER: {
    meaning: '`work` without `upper`, which the kernel ignores',
    remedy: 'give an upper too, or leave work out',
  },
  ERR_OVERLAY_UNKNOWN_OPTION: {
    meaning: 'a part of the spec, an option or an attribute that does not exist',
    remedy: 'correct the name; options that this release does not know go into `options.raw`',
  },
  ERR_OVERLAY_OPTION_CONFLICT: {
    meaning: 'options that exclude each other',
    remedy: 'leave one of the two out',
  },
  ERR_OVERLAY_USELESS_OPTION: {
    meaning: 'an option that the kernel would drop without a word',
    remedy: 'leave it out, or add what it needs',
  },
  ERR_OVERLAY_OPTION_TEXT: {
    meaning: '`-o` text that cannot be read, or would not mean what it says',
    remedy: 'correct the text; the error names the part',
  },
  ERR_OVERLAY_OPTION_VALUE: {
    meaning: 'a value that has no form as `-o` text',
    remedy: 'hand it to `mount()`, which needs no text',
  },
  ERR_OVERLAY_NOT_ROOTLESS: {
    meaning:
      "a part of the spec that cannot be had without root: `target`, `guard: 'kernel'`, options that need `trusted.*`",
    remedy: 'leave it out, or mount as root or inside a user namespace (`unshare -Urm`)',
  },
  ERR_OVERLAY_NOT_SUPPORTED: {
    meaning: 'something that this release does not do',
    remedy: 'leave it out',
  },
} as const;
