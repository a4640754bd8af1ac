// overlayfs doctor: what this kernel, this user and a directory can do, found by trying.
import { features } from '../index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { reportText } from './doctor-report.ts';
import { toJson } from './json.ts';
import { isAble, judge } from './verdict.ts';

export const doctor: Command = {
  summary: 'Tries what this kernel, this user and a directory can do with overlays, and leaves no trace.',
  usage: ['doctor [--json] [DIR]'],
  about: [
    'Every line is yes, no or ? (it could not be tried), with what was tried; → is what would help.',
    'Exit code 0 when this process can mount overlays, be they attached nowhere; 1 when it cannot.',
  ],
  flags: {
    json: { about: "print the answers as JSON, with the verdict in front: features()' object" },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 1, what: 'DIR' },
  async run(given, terminal) {
    const [name] = given.words;
    const found = await features(name === undefined ? undefined : wordToPath(name));
    const verdict = judge(found);
    if (given.has('json')) terminal.line(toJson({ verdict, ...found }));
    else for (const line of reportText(found, name ?? '', terminal)) terminal.line(line);
    return isAble(verdict) ? 0 : 1;
  },
};
