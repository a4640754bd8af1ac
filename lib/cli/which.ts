// overlayfs which: which layer a path comes from, and what the other layers have there.
import type { Command } from './command.ts';
import { toJson } from './json.ts';
import { ABOUT_LAYERS, STACK_FLAGS, stackOf } from './stack-source.ts';
import { whichText } from './which-text.ts';

export const whichCommand: Command = {
  summary: 'Shows which layer a path comes from, and why not from the others.',
  usage: ['which [--json] PATH', 'which --lower DIR… [--upper DIR] [--json] PATH'],
  about: [
    'The layers top to bottom: > marks the one that is seen, + those that give entries or content to it.',
    'What was deleted can be asked for too. Exit code 0 when the path is seen, 1 when it is not.',
    ...ABOUT_LAYERS,
  ],
  flags: {
    ...STACK_FLAGS,
    json: { about: "print lookup()'s answer" },
    help: { about: 'this text' },
  },
  words: { min: 1, max: 1, what: 'PATH' },
  async run(given, terminal) {
    const { stack, spec, path } = await stackOf(given, given.words[0]!);
    try {
      const found = await stack.lookup(path);
      if (given.has('json')) terminal.line(toJson(found));
      else for (const line of whichText(found, spec, terminal)) terminal.line(line);
      return found.entry === undefined || found.error !== undefined ? 1 : 0;
    } finally {
      await stack.close();
    }
  },
};
