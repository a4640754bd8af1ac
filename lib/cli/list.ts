// overlayfs list: the overlays of this mount namespace, for people or as JSON.
import { list } from '../index.ts';
import type { Command } from './command.ts';
import { toJson } from './json.ts';
import { listText } from './list-text.ts';

export const listCommand: Command = {
  summary: 'Lists the overlays that are mounted in this mount namespace, with their layers.',
  usage: ['list [--json]'],
  about: [
    'Layers are shown top first: the upper, then the lowers as the kernel counts them from 0.',
    'A layer that the kernel shows in a way that does not lead to it is marked with the reason.',
  ],
  flags: {
    json: { about: 'print an array; paths that are no UTF-8 are {"bytes": base64}' },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 0, what: '' },
  async run(given, terminal) {
    const mounts = await list();
    if (given.has('json')) terminal.line(toJson(mounts));
    else if (mounts.length === 0) terminal.complain('no overlay is mounted in this mount namespace');
    else for (const line of listText(mounts, terminal)) terminal.line(line);
    return 0;
  },
};
