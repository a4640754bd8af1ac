import { expect, test } from 'vitest';
import type { DangerFacts } from '../../lib/diagnosis/danger-facts.ts';
import { findDangers } from '../../lib/diagnosis/danger-rules.ts';
import type { MountFacts } from '../../lib/diagnosis/mount-facts.ts';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { directory, facts, mountinfo, NO_DANGER } from './facts.ts';

// What test/mount/explain.test.ts cannot build on every kernel, and what must stay quiet.
const cases: [string, Partial<MountFacts>, Partial<DangerFacts>, string[]][] = [
  ['nothing', {}, {}, []],
  ['no file types', {}, { tellsTypes: false }, ['ERR_OVERLAY_NO_FILE_TYPES']],
  ['file types', {}, { tellsTypes: true }, []],
  ['no attributes', { upperFacts: { ...NO_UPPER, noAttributes: true } }, {}, ['ERR_OVERLAY_NO_ATTRIBUTES']],
  ['entries in the target', {}, { targetHasEntries: true }, ['ERR_OVERLAY_TARGET_NOT_EMPTY']],
  [
    'a removed upper',
    { upper: directory('/u', 'upper', { stat: { links: 0 } }) },
    {},
    ['ERR_OVERLAY_LAYER_REMOVED'],
  ],
  [
    'another subvolume',
    { work: directory('/w', 'work', { stat: { device: { major: 0, minor: 99 } } }) },
    {},
    ['ERR_OVERLAY_WORK_ON_OTHER_SUBVOLUME'],
  ],
  [
    'the own target in a lower is no hidden mount',
    { target: directory('/l/t', 'target'), mounts: mountinfo('9 1 0:9 / /l/t rw - overlay overlay rw') },
    {},
    ['ERR_OVERLAY_TARGET_IN_LAYER'],
  ],
];

test.each(cases)('%s', (_, changes, seen, expected) => {
  const found = findDangers(facts(changes), { ...NO_DANGER, ...seen });
  expect(found.map(({ code }) => code)).toEqual(expected);
  for (const { sentence, hint } of found) expect(sentence.length * hint.length).toBeGreaterThan(100);
});
