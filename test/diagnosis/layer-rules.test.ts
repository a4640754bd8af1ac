// On facts as recorded on machines with vfat and with casefolding: this one may have neither.
import { expect, test } from 'vitest';
import { NO_FLAGS } from '../../lib/diagnosis/directory-flags.ts';
import { LAYER_RULES } from '../../lib/diagnosis/layer-rules.ts';
import { applyRules } from '../../lib/diagnosis/rule.ts';
import { type Changes, codes, directory, facts, mountinfo } from './facts.ts';

const folded = (casefold: boolean | undefined) => ({ flags: { ...NO_FLAGS, casefold } });
const lower = (casefold?: boolean) => directory('/l', 'lower', folded(casefold));
const upper = (casefold?: boolean) => directory('/u', 'upper', folded(casefold));
const work = (casefold?: boolean) => directory('/w', 'work', folded(casefold));

// linux/magic.h: MSDOS_SUPER_MAGIC.
const VFAT = 0x4d44;
const { filesystem } = directory('/', 'lower');
const [mount] = mountinfo('21 20 8:2 / /boot/efi rw - vfat /dev/sda2 rw');
const fat = directory('/boot/efi', 'lower', { filesystem: { ...filesystem, type: VFAT }, mount });
const words = 'overlay: filesystem on /boot/efi not supported';

test.each<[string, Changes, string[]]>([
  ['filesystems that do not tell', {}, []],
  ['none folds', { lower: [lower(false)], upper: upper(false), work: work(false) }, []],
  ['all fold', { lower: [lower(true)], upper: upper(true), work: work(true) }, []],
  [
    'only the lower folds',
    { lower: [lower(true)], upper: upper(false), work: work(false) },
    ['CASEFOLD upper'],
  ],
  [
    'only the upper folds',
    { lower: [lower(false)], upper: upper(true), work: work(false) },
    ['CASEFOLD upper'],
  ],
  ['only work does not', { lower: [lower(true)], upper: upper(true), work: work(false) }, ['CASEFOLD work']],
  ['a lower on tmpfs, which does not tell', { lower: [lower()], upper: upper(false), work: work(false) }, []],
  [
    'vfat',
    { lower: [fat], refusedLayers: [{ subject: fat.subject, as: 'filesystem', words }] },
    ['LAYER_UNFIT lower 0'],
  ],
  ['vfat that was not refused', { lower: [fat] }, []],
])('%s', (_, changes, expected) => {
  expect(codes(LAYER_RULES, changes)).toEqual(expected);
});

test("names the filesystem, and gives the kernel's words", () => {
  const refusedLayers = [{ subject: fat.subject, as: 'filesystem', words } as const];
  const [found] = applyRules(LAYER_RULES, facts({ lower: [fat], refusedLayers }));
  expect(found?.finding.sentence).toContain('vfat');
  expect(found?.finding.sentence).toContain(words);
});
