// overlayfs apply: brings the changes of an upper down to its lower, or to another directory; the plan comes first.
import { type ApplyPlan, apply, type PlanOptions, planApply, resumeApply } from '../index.ts';
import type { StackSpec } from '../layer/index.ts';
import { wordToPath } from './arguments.ts';
import type { Command } from './command.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { specOf } from './mount.ts';
import { printable } from './printable.ts';
import { STACK_FLAGS } from './stack-source.ts';
import type { Terminal } from './terminal.ts';

function planOptions(given: Given): PlanOptions {
  const to = given.text('to');
  const paths = given.texts('path');
  return {
    ...(to === undefined ? {} : { to: wordToPath(to) }),
    ...(paths.length === 0 ? {} : { paths }),
  };
}

function print(plan: ApplyPlan, applied: boolean, given: Given, terminal: Terminal): void {
  const { to, steps, conflicts, obstacles, bytes } = plan;
  if (given.has('json')) terminal.line(toJson({ to, steps, conflicts, obstacles, bytes, applied }));
  else for (const line of String(plan).split('\n').filter(Boolean)) terminal.line(line);
}

async function finish(given: Given, terminal: Terminal): Promise<number> {
  const [word] = given.words;
  if (word === undefined) throw new UsageError('--resume needs the directory that gets the changes: DIR');
  const finished = await resumeApply(wordToPath(word));
  if (given.has('json')) terminal.line(toJson({ finished }));
  else terminal.line(`${printable(word)}: ${finished ? 'finished' : 'there was nothing to finish'}`);
  return 0;
}

async function act(given: Given, terminal: Terminal): Promise<number> {
  if (given.words.length > 0) throw new UsageError('DIR goes with --resume; name the layers by flags');
  const spec = specOf(given) as StackSpec;
  if (spec.upper === undefined) throw new UsageError('no changes to apply: give --upper DIR');
  const force = given.has('force');
  const plan = await planApply(spec, planOptions(given));
  const impossible = plan.obstacles.length > 0;
  const can = !impossible && (plan.conflicts.length === 0 || force);
  if (!given.has('yes') || !can) {
    print(plan, false, given, terminal);
    if (impossible) terminal.complain('overlayfs: this user cannot do that; nothing was done');
    else if (!can)
      terminal.complain('overlayfs: there are conflicts; nothing was done, and --force overwrites them');
    else if (plan.steps.length === 0) terminal.complain('overlayfs: there is nothing to apply');
    else terminal.complain('overlayfs: this is the plan; nothing was done, and --yes does it');
    return can ? 0 : 1;
  }
  print(await apply(plan, { force }), true, given, terminal);
  if (plan.steps.length === 0) terminal.complain('overlayfs: there is nothing to apply');
  return 0;
}

export const applyCommand: Command = {
  summary: 'Brings what an upper changes down to its lower, or to another directory. The plan comes first.',
  usage: [
    'apply --lower DIR… --upper DIR [--to DIR] [--path PATTERN]… [--force] [--json] [--yes]',
    'apply --resume DIR',
  ],
  about: [
    'Without --yes the plan is printed and nothing is done. The overlay should not be mounted. Everything is made ready',
    'first, within the directory, and what fails there leaves it as it was; after a crash --resume finishes the rest.',
    'Where the directory is not what the changes were made of is a conflict, and nothing is done without --force.',
    'Afterwards the upper is of no use over that lower.',
  ],
  flags: {
    ...STACK_FLAGS,
    lower: { ...STACK_FLAGS.lower!, about: 'a layer to read; repeat it, the top one first' },
    to: { value: 'DIR', about: 'the directory that gets the changes; absent: the lower, when there is one' },
    path: {
      value: 'PATTERN',
      repeatable: true,
      about: "only these: '*' and '?' within a name, '**' for any directories; a directory with all in it",
    },
    yes: { about: 'do it' },
    force: { about: 'overwrite what was changed below the overlay' },
    resume: { about: 'finish what was stopped half-way in DIR' },
    json: { about: 'print the plan as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 1, what: 'DIR' },
  async run(given, terminal) {
    return await (given.has('resume') ? finish : act)(given, terminal);
  },
};
