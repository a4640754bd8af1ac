// Layers that two overlays see a part of, of which one writes: not refused, since most that lie so never meet.
import { liesIn } from './directory-facts.ts';
import { type GuardFacts, lowersOf, ownerOf, writtenOf } from './guard-rules.ts';
import type { MountFacts } from './mount-facts.ts';
import { leadsTo } from './mount-of.ts';
import { type Finding, shown } from './overlay-error.ts';
import { about } from './rule.ts';

const code = 'ERR_OVERLAY_LAYER_MAY_CHANGE';
const hint = 'change nothing there while both are mounted, or use other directories';

function isBelow(path: Buffer, above: Buffer): boolean {
  return path.length > above.length && leadsTo(path, { target: above });
}

/** Source: Documentation/filesystems/overlayfs.rst, "Changes to underlying filesystems". */
export function findShared(facts: MountFacts, { live, readers }: GuardFacts): Finding[] {
  const findings: Finding[] = [];
  for (const lower of lowersOf(facts)) {
    const inside = live.find(
      ({ looked }) => !looked.identity.equals(lower.identity) && liesIn(looked, lower) === true,
    );
    if (inside === undefined) continue;
    const path = JSON.stringify(shown(inside.looked.realPath));
    const [whose] = ownerOf(inside.target);
    const sentence = `it contains the ${inside.option} directory of ${whose} (${path}); what is changed there while this one is mounted is undefined here`;
    findings.push({ code, ...about(lower, sentence, hint) });
  }
  for (const written of writtenOf(facts)) {
    const around = readers.find(({ path }) => isBelow(written.realPath, path));
    if (around === undefined) continue;
    const [whose] = ownerOf(around.target);
    const sentence = `it lies in a lower directory of ${whose} (${JSON.stringify(shown(around.path))}); what is changed here is undefined there`;
    findings.push({ code, ...about(written, sentence, hint) });
  }
  return findings;
}
