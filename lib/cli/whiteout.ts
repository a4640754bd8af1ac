// overlayfs whiteout: marks names of a layer as deleted, or directories as opaque, and tells which are.
import { isOpaque, isWhiteout, makeOpaque, type WhiteoutOptions, whiteout } from '../layer/index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { failureJson, failureText } from './failure.ts';
import { type Given, UsageError } from './flags.ts';
import { printable } from './printable.ts';
import type { Terminal } from './terminal.ts';

type Path = string | Buffer;

// Absent means what the caller may use; both at once would be neither.
function optionsOf(given: Given): WhiteoutOptions {
  const form = given.text('form') as WhiteoutOptions['form'];
  const dialect = given.text('xattrs');
  return {
    ...(form === undefined ? {} : { form }),
    ...(dialect === undefined ? {} : { userxattr: dialect === 'user' }),
  };
}

function actionOf(given: Given): (path: Path, terminal: Terminal) => Promise<boolean> {
  const { form, ...dialect } = optionsOf(given);
  const opaque = given.has('opaque');
  if (opaque && form !== undefined)
    throw new UsageError('--form is about whiteouts, and --opaque makes none');
  if (given.has('check')) {
    if (form !== undefined) throw new UsageError('--form is about making; --check knows both forms');
    return async (path, terminal) => {
      const is = await (opaque ? isOpaque : isWhiteout)(path, dialect);
      terminal.line(`${printable(path)}: ${is ? '' : 'not '}${opaque ? 'opaque' : 'a whiteout'}`);
      return is;
    };
  }
  return async (path) => {
    await (opaque ? makeOpaque(path, dialect) : whiteout(path, optionsOf(given)));
    return true;
  };
}

export const whiteoutCommand: Command = {
  summary: 'Marks names of a layer as deleted. In an overlay with that layer on top they are gone.',
  usage: [
    'whiteout [--form FORM] [--xattrs WHICH] PATH…',
    'whiteout --opaque [--xattrs WHICH] DIR…',
    'whiteout --check [--opaque] PATH…',
  ],
  about: [
    'PATH is a name in a layer directory, not in a mounted overlay; what has that name is replaced in one step.',
    'All paths are tried, also when one fails. With --check the exit code is 0 when all are, and 1 otherwise.',
  ],
  flags: {
    form: {
      value: 'FORM',
      choices: ['device', 'xattr'],
      about:
        'a character device 0:0 (the default), or a file with an attribute, for layers that will be lowers',
    },
    opaque: { about: 'directories that hide what lower layers have in them, instead' },
    xattrs: {
      value: 'WHICH',
      choices: ['trusted', 'user'],
      about: 'for overlays without or with userxattr; absent: by privilege',
    },
    check: { about: 'tell whether they are, and change nothing' },
    json: { about: 'print errors as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 1, max: Number.POSITIVE_INFINITY, what: 'PATH' },
  async run(given, terminal) {
    const act = actionOf(given);
    let code = 0;
    for (const path of given.words.map(wordToPath)) {
      try {
        if (!(await act(path, terminal))) code = 1;
      } catch (error) {
        terminal.complain(given.has('json') ? failureJson(error) : failureText(error));
        code = 1;
      }
    }
    return code;
  },
};
