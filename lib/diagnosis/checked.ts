// What was looked at and how it was found, in words: for failures that no rule explains.

import { dialectOf } from '../format/asked-options.ts';
import type { DirectoryFacts } from './directory-facts.ts';
import type { DriverWords } from './kernel-log.ts';
import { isThere, type MountFacts } from './mount-facts.ts';
import { shown } from './overlay-error.ts';
import { unseenIn } from './unseen.ts';

const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;

function caller({ caller: { uid, capSysAdmin, initialUserNamespace } }: MountFacts): string {
  const namespace =
    initialUserNamespace === undefined
      ? ''
      : initialUserNamespace
        ? ', initial user namespace'
        : ', user namespace';
  return `the caller (uid ${uid}${capSysAdmin ? ', CAP_SYS_ADMIN' : ''}${namespace})`;
}

function kindOf({ mount, readOnly }: DirectoryFacts): string {
  return `${mount?.fsType ?? 'a filesystem of no mount table'}${readOnly ? ', read-only' : ''}`;
}

function layers({ lower, data }: MountFacts): string | undefined {
  const all = [...lower, ...data];
  if (all.length === 0) return undefined;
  const there = all.filter(isThere);
  const kinds = new Set(there.map(kindOf)).values();
  const missing =
    all.length === there.length ? '' : `, of which ${all.length - there.length} cannot be opened`;
  return `${count(all.length, 'lower')}${missing} (${[...kinds].join(', ')}; none twice, in another or too deep; mounts that can be cloned)`;
}

function written(facts: MountFacts): string | undefined {
  const { upper, work, upperFacts, asked } = facts;
  if (!isThere(upper)) return undefined;
  const where = isThere(work) ? 'upper and work' : 'upper';
  const memory = upperFacts.remembered.compared ? '; no index of other directories' : '';
  return `${where} (${kindOf(upper)}; one mount, apart, with room to work, without marks of other features${memory}; attributes in ${dialectOf(asked.parameters)}.*)`;
}

function options({ asked: { parameters } }: MountFacts): string | undefined {
  if (parameters.length === 0) return undefined;
  const spelled = parameters.map(({ key, value }) => (value === undefined ? key : `${key}=${shown(value)}`));
  return `options, each taken alone (${spelled.join(', ')})`;
}

function descriptors({ descriptors: { open, limit } }: MountFacts): string | undefined {
  return open === undefined ? undefined : `descriptors (${open} open of ${limit ?? 'an unknown number'})`;
}

function mountTable({ mounts, mountLimit }: MountFacts): string | undefined {
  return mounts.length === 0
    ? undefined
    : `the mount table (${mounts.length} of ${mountLimit ?? 'an unknown number'})`;
}

/** What the driver said, if it could be heard. */
export function wordsText(words: DriverWords | undefined): string {
  if (words === undefined || words instanceof Error || words.length === 0) return '';
  return `. The driver writes into the kernel log: ${words.join('; ')}`;
}

/** A sentence, or two: what was found in order, and what could not be looked at. */
export function checkedText(facts: MountFacts, words: DriverWords | undefined): string {
  const found = [
    caller(facts),
    facts.driver === undefined ? undefined : 'the driver',
    'that each directory exists and is one, and is not in use',
    options(facts),
    layers(facts),
    written(facts),
    descriptors(facts),
    mountTable(facts),
  ].filter((part) => part !== undefined);
  const unseen = [
    ...unseenIn(facts),
    ...(words instanceof Error ? [`the kernel log (/dev/kmsg: ${words.code})`] : []),
  ];
  const dark = unseen.length === 0 ? '' : `. Could not be looked at: ${unseen.join(', ')}`;
  return `Looked at and found in order: ${found.join('; ')}${dark}`;
}
