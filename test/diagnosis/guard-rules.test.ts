import { expect, test } from 'vitest';
import type { DirectoryFacts } from '../../lib/diagnosis/directory-facts.ts';
import {
  findGuarded,
  GUARD_RULES,
  type GuardFacts,
  type Insists,
  type LiveDirectory,
} from '../../lib/diagnosis/guard-rules.ts';
import type { MountFacts } from '../../lib/diagnosis/mount-facts.ts';
import { NO_UPPER } from '../../lib/diagnosis/upper-facts.ts';
import { directory, facts } from './facts.ts';

const upper = directory('/u', 'upper');
const live = (path: string, same?: DirectoryFacts): LiveDirectory => ({
  option: 'upper',
  target: Buffer.from('/m'),
  looked: same === undefined ? directory(path, 'upper') : { ...same, subject: { option: 'upper', path } },
});
const remembering = (inode: bigint, compared: boolean): Partial<MountFacts> => ({
  upperFacts: {
    ...NO_UPPER,
    remembered: {
      ...NO_UPPER.remembered,
      compared,
      lower: { inode } as MountFacts['upperFacts']['remembered']['lower'],
    },
  },
});

// What test/diagnosis/catalogue/guards.test.ts builds on the real kernel, in all its kinds.
const cases: [string, Partial<MountFacts>, Partial<GuardFacts>, string[]][] = [
  ['nothing', {}, {}, []],
  ['others alive', {}, { live: [live('/elsewhere')] }, []],
  ['the upper is live', { upper }, { live: [live('/u', upper)] }, ['IN_USE upper']],
  [
    'work lies in a live one',
    {},
    { live: [live('/w'), live('/')] },
    ['IN_USE upper', 'IN_USE work', 'LOWER_IN_USE lower 0'],
  ],
  [
    'a data layer lies in a live one',
    { data: [directory('/d/x', 'data')] },
    { live: [live('/d')] },
    ['LOWER_IN_USE data'],
  ],
  [
    'a lower around a live one',
    { lower: [directory('/', 'lower')], upper: undefined, work: undefined },
    { live: [live('/d')] },
    [],
  ],
  ['the upper in a lower', { upper: directory('/l/u', 'upper') }, {}, ['UPPER_IN_LOWER upper']],
  ['work in a lower', { work: directory('/l/w', 'work') }, {}, ['UPPER_IN_LOWER work']],
  [
    'the upper is a lower: the kernel refuses',
    { upper, lower: [{ ...upper, subject: { option: 'lower', index: 0, path: '/u' } }] },
    {},
    [],
  ],
  ['trusted notes, userxattr', {}, { otherDialect: 'trusted' }, ['OTHER_DIALECT upper']],
  ['user notes, no userxattr', {}, { otherDialect: 'user' }, ['OTHER_DIALECT upper']],
  [
    'the upper is a lower of another',
    { upper },
    { readers: [{ identity: upper.identity, path: Buffer.from('/u'), target: Buffer.from('/m') }] },
    ['UPPER_IS_LOWER upper'],
  ],
  ['the upper contains that of another', { upper }, { live: [live('/u/x')] }, ['IN_USE upper']],
  ['our note', {}, { volatile: { by: 'note', restarted: true } }, ['DIRTY_UPPER upper']],
  ['a mark beside', {}, { volatile: { by: 'work', path: Buffer.from('/x/w') } }, ['DIRTY_UPPER upper']],
  ['another first lower', remembering(1n, false), {}, ['OTHER_LOWER upper']],
  ['another first lower, which the kernel sees', remembering(1n, true), {}, []],
];

const NONE: GuardFacts = { live: [], readers: [], otherDialect: undefined, volatile: undefined };

function found(changes: Partial<MountFacts>, seen: Partial<GuardFacts>, insists: Insists = {}) {
  return findGuarded(facts(changes), { ...NONE, ...seen }, insists);
}

test.each(cases)('%s', (_, changes, seen, expected) => {
  const findings = found(changes, seen);
  const short = findings.map(({ code, option, index }) =>
    [code.replace('ERR_OVERLAY_', ''), option, index].filter((part) => part !== undefined).join(' '),
  );
  expect(short).toEqual(expected);
  for (const { code, hint } of findings) {
    const { insist } = GUARD_RULES.find((rule) => rule.code === code)!;
    expect(hint).toContain(`${insist}: true`);
    expect(found(changes, seen, { [insist]: true }).map((other) => other.code)).not.toContain(code);
  }
});

test('says who has it, and whether it is that or lies in it', () => {
  const [same] = found({ upper }, { live: [live('/u', upper)] });
  expect(same!.sentence).toBe(
    'upper ("/u") is the upper directory of the overlay mounted at "/m"; two mounts on one corrupt it',
  );
  const detached = { ...live('/l'), target: undefined };
  const [inside] = found({ lower: [directory('/l/x', 'lower')] }, { live: [detached] });
  expect(inside!.sentence).toMatch(/^lower 0 \("\/l\/x"\) lies in the upper directory of a detached overlay/);
});
