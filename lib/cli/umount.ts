// overlayfs umount: unmounts overlays by their paths, whoever made them.
import { unmount } from '../index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { failureJson, failureText } from './failure.ts';

export const umountCommand: Command = {
  summary: 'Unmounts overlays by their mount points, and removes the work directory if mounting made it.',
  usage: ['umount [--lazy] TARGET…'],
  about: [
    'Refuses what is no mount point of an overlay. What is busy is told with the processes that keep it so.',
    'All targets are tried, also when one fails.',
  ],
  flags: {
    lazy: { short: 'l', about: 'take it out of sight now, and end it when its last user lets go' },
    json: { about: 'print errors as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 1, max: Number.POSITIVE_INFINITY, what: 'TARGET' },
  async run(given, terminal) {
    let code = 0;
    for (const target of given.words.map(wordToPath)) {
      try {
        await unmount(target, { lazy: given.has('lazy') });
      } catch (error) {
        terminal.complain(given.has('json') ? failureJson(error) : failureText(error));
        code = 1;
      }
    }
    return code;
  },
};
