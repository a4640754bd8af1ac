// What an error inside a live overlay means: all rules in one table, each stating a cause only when the facts hold it.
import { ELOOP, EPERM, ETXTBSY, EXDEV } from '../kernel/errno.ts';
import { crossesProjects } from './layer-dangers.ts';
import { isThere } from './mount-facts.ts';
import type { Finding } from './overlay-error.ts';
import type { RunTimeFacts } from './run-time.ts';
import { NOTE_RULES } from './run-time-note-rules.ts';
import { OWNER_RULES } from './run-time-owner-rules.ts';
import { PERMISSION_RULES } from './run-time-permission-rules.ts';
import { about, pathOf, quote, type RunTimeRule } from './run-time-rule.ts';
import { WRITE_RULES } from './run-time-write-rules.ts';
import { placeOf, subjectText } from './subject.ts';

const WAY_RULES: readonly RunTimeRule[] = [
  {
    code: 'ERR_OVERLAY_ACROSS_MOUNTS',
    errnos: [EXDEV],
    find: (facts) =>
      facts.acrossMounts
        ? about(
            facts,
            `${pathOf(facts)} and ${quote(facts.failure.dest!)} lie on two mounts, and no file moves from one to the other`,
            'copy and remove: fs.cp, then fs.rm',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_WORK_ON_OTHER_SUBVOLUME',
    errnos: [EXDEV],
    find: (facts) => {
      const { upper, work, inLowers } = facts;
      if (!isThere(upper) || !isThere(work) || inLowers.length === 0) return undefined;
      const [one, other] = [upper, work].map(({ stat }) => `${stat.device.major}:${stat.device.minor}`);
      if (one === other) return undefined;
      return {
        ...about(
          facts,
          `${subjectText(work.subject)} and ${subjectText(upper.subject)} lie on two subvolumes or filesystems, so that nothing can be moved from one to the other, as every copy-up and deletion must`,
          'mount with a work directory beside the upper, or leave work out',
        ),
        option: 'work',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_WORK_IN_OTHER_PROJECT',
    errnos: [EXDEV],
    find: (facts) => {
      const { upper, work, inLowers } = facts;
      if (!isThere(upper) || !isThere(work) || inLowers.length === 0) return undefined;
      if (!crossesProjects(work.flags.project, upper.flags.project)) return undefined;
      return {
        ...about(
          facts,
          `${subjectText(upper.subject)} takes only what is of project ${upper.flags.project} (chattr +P), and what is copied up comes out of ${subjectText(work.subject)}, where it gets project ${work.flags.project ?? 0}`,
          'unmount, and give the work directory the same project (chattr -R -p, chattr -R +P)',
        ),
        option: 'work',
      };
    },
  },
  {
    code: 'ERR_OVERLAY_PROGRAM_RUNS',
    errnos: [ETXTBSY],
    find: (facts) => {
      const { runners } = facts;
      if (runners.length === 0) return undefined;
      const who = runners.map(({ pid, command }) => `process ${pid} (${command})`).join(', ');
      return about(
        facts,
        `${pathOf(facts)} is the program that ${who} runs, and nobody may write into it meanwhile`,
        'write a new file beside it and rename that over it, or end the process',
      );
    },
  },
  {
    code: 'ERR_OVERLAY_LAYERS_OVERLAP',
    errnos: [ELOOP],
    find: (facts) => {
      const { trap } = facts;
      if (trap === undefined) return undefined;
      return {
        ...about(
          facts,
          `${pathOf(facts)} leads into ${subjectText(trap.inside)}, which lies in ${subjectText(trap.layer)}: the overlay does not show itself its own ${trap.inside.option}`,
          'mount with an upper and a work directory that lie in no lower layer',
        ),
        ...placeOf(trap.inside),
      };
    },
  },
  {
    code: 'ERR_OVERLAY_SYMLINK_LOOP',
    errnos: [ELOOP],
    find: (facts) =>
      facts.loop !== undefined && facts.overlay?.attributes.nosymfollow !== true
        ? about(
            facts,
            `${quote(facts.loop)} is a symbolic link from which the links lead in a circle, or on over more than 40`,
            'correct the links: readlink shows where each leads',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_NOSYMFOLLOW',
    errnos: [ELOOP],
    find: (facts) =>
      facts.loop !== undefined && facts.overlay?.attributes.nosymfollow === true
        ? about(
            facts,
            `${quote(facts.loop)} is a symbolic link, and this mount of the overlay follows none (the attribute nosymfollow)`,
            'use the path that the link leads to, or remount(target, { nosymfollow: false })',
          )
        : undefined,
  },
  {
    code: 'ERR_OVERLAY_NO_WHITEOUT_BY_HAND',
    errnos: [EPERM],
    find: (facts) =>
      /^mknod(at)?$/.test(facts.failure.syscall ?? '') &&
      facts.place !== undefined &&
      facts.caller.capMknod === true
        ? about(
            facts,
            'the kernel makes no whiteout (a device 0:0) through an overlay; other devices it would let this process make',
            'delete the name through the overlay, or make the whiteout in the upper while it is not mounted',
          )
        : undefined,
  },
];

/** In this order: what a rule above has found is nearer to the cause. */
export const RUN_TIME_RULES: readonly RunTimeRule[] = [
  ...NOTE_RULES,
  ...WRITE_RULES,
  ...OWNER_RULES,
  ...WAY_RULES,
  ...PERMISSION_RULES,
];

// What happened elsewhere the overlay has no part in, whatever is wrong with it; but a layer may be read past it.
const OF_LAYERS: readonly string[] = ['ERR_OVERLAY_WHITEOUT_OPENED'];

/** All that fits, the first first. */
export function applyRunTimeRules(facts: RunTimeFacts): Finding[] {
  const elsewhere = facts.failure.path !== undefined && facts.place === undefined;
  return RUN_TIME_RULES.flatMap(({ code, errnos, find }) => {
    if (elsewhere && !OF_LAYERS.includes(code)) return [];
    const found = errnos.includes(facts.failure.errno) ? find(facts) : undefined;
    return found === undefined ? [] : [{ code, ...found }];
  });
}
