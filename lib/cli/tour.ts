// overlayfs tour: shows live what an overlay does, as root or in a user namespace, and leaves nothing behind.
import { release } from 'node:os';
import { type Features, features, OverlayError } from '../index.ts';
import type { Command } from './command.ts';
import type { Given } from './flags.ts';
import { Interrupted, Interruption } from './interruption.ts';
import { toJson } from './json.ts';
import type { Terminal } from './terminal.ts';
import { TourPlace } from './tour-place.ts';
import { type Step, walk } from './tour-steps.ts';
import { stepText } from './tour-text.ts';
import { isInside, runInUserNamespace } from './user-namespace.ts';
import { canStartThere, judge } from './verdict.ts';

function refusal(found: Features): OverlayError {
  const { reason, remedy } = found.layerKeys;
  const what = judge(found).canMount === 'rootless' ? 'attach' : 'mount';
  const { userNamespaces } = found;
  const inside = isInside() ? ', not even in a user namespace of its own' : '';
  return new OverlayError([
    {
      code: found.overlay.available === false ? 'ERR_OVERLAY_NO_DRIVER' : 'ERR_OVERLAY_NO_PRIVILEGE',
      sentence: `this process cannot ${what} overlays${inside}: ${reason}`,
      hint: userNamespaces.remedy ?? remedy ?? 'run it as root: sudo overlayfs tour',
    },
    {
      code: 'ERR_OVERLAY_NO_PRIVILEGE',
      sentence: `user namespaces: ${userNamespaces.reason}`,
      hint: userNamespaces.remedy ?? 'run it as root',
    },
  ]);
}

async function show(found: Features, given: Given, terminal: Terminal): Promise<void> {
  const interruption = new Interruption();
  const place = new TourPlace();
  try {
    await travel(place, interruption, found, given, terminal);
  } finally {
    await place.remove();
    interruption.end();
  }
}

async function travel(
  place: TourPlace,
  interruption: Interruption,
  found: Features,
  given: Given,
  terminal: Terminal,
): Promise<void> {
  const inNamespace = found.caller.initialUserNamespace === false;
  const as = inNamespace ? 'as root of a user namespace' : `as uid ${found.caller.uid}`;
  const steps: Step[] = [];
  if (!given.has('json')) {
    terminal.line(terminal.paint('How an overlay works, live', 'bold'));
    terminal.line(`In ${place.path}, on Linux ${release()}, ${as}. $ is for a shell, > is for a program.`);
  }
  for await (const step of walk(place, { userxattr: inNamespace })) {
    await interruption.check();
    steps.push(step);
    if (given.has('json')) continue;
    for (const line of stepText(step, steps.length, terminal)) terminal.line(line);
  }
  if (given.has('json')) terminal.line(toJson({ place: place.path, kernel: release(), as, steps }));
}

export const tour: Command = {
  summary: 'Shows live what an overlay does: mounts, reads, writes, deletes, and looks at what came of it.',
  usage: ['tour [--json]'],
  about: [
    'Everything happens in a private directory below the temporary one, which is gone at the end.',
    'Without the right to mount it goes on in a user namespace of its own, if unshare(1) can make one.',
  ],
  flags: {
    json: { about: 'print the steps and their results as JSON' },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 0, what: '' },
  async run(given, terminal) {
    const found = await features();
    const { canMount } = judge(found);
    if (canMount !== true && canStartThere(found) && !isInside())
      return await runInUserNamespace(['tour', ...(given.has('json') ? ['--json'] : [])]);
    if (canMount !== true) throw refusal(found);
    try {
      await show(found, given, terminal);
      return 0;
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      // Everything is cleaned up: end as the signal would have ended it.
      error.end();
      return 1;
    }
  },
};
