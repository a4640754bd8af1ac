// Failures that no rule knows, injected into every call of the chain, in both forms: nothing false is claimed, nothing is left.
import { constants, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { runFaked } from '../../support/fake-errno.ts';
import { mountsBelow } from '../../support/mounts.ts';
import { printedJson } from '../../support/node-process.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, scratchDirectory } from '../../support/scratch.ts';

const errnos =
  'EIO ENOMEM EMFILE EINVAL EPERM EBUSY ENOSPC ESTALE ELOOP EACCES EOPNOTSUPP ENOSYS ENOENT ENODEV EINTR'.split(
    ' ',
  );

interface Fault {
  /** In the grammar of fake-errno.c, without the errno. */
  readonly call: (layers: LayerDirectories) => string;
  readonly via: readonly ('fsopen' | 'mount')[];
  /** Something else can take its place, so that the mount may succeed. */
  readonly passable?: true;
  /** The work directory is left to the package, and the target is to be made. */
  readonly bare?: true;
  /** Parts of the spec that make the call. */
  readonly more?: object;
  /** A second fault, which makes the mount fail so that it is looked at. */
  readonly with?: string;
}

const both = ['fsopen', 'mount'] as const;
// An open for reading, as a claim makes it: what looks at a path afterwards asks for less (O_PATH).
const READING = constants.O_DIRECTORY | 0o2000000;
// FSCONFIG_CMD_CREATE is 6, FSCONFIG_SET_FD 5.
const CREATE = 'fsconfig@1:6';
// Another errno than any of those injected: a look that fails with the errno of the mount has found its cause.
const REFUSED = `${CREATE}=EXDEV`;

const faults: Readonly<Record<string, Fault>> = {
  fsopen: { via: ['fsopen'], call: () => 'fsopen:overlay' },
  'fsconfig: source': { via: ['fsopen'], call: () => 'fsconfig:source' },
  'fsconfig: lowerdir+': { via: ['fsopen'], call: () => 'fsconfig:lowerdir+', passable: true },
  'fsconfig: a descriptor': { via: ['fsopen'], call: () => 'fsconfig@1:5', passable: true },
  'fsconfig: create': { via: ['fsopen'], call: () => CREATE },
  'fsconfig: create, with a work directory of our own': { via: ['fsopen'], call: () => CREATE, bare: true },
  fsmount: { via: ['fsopen'], call: () => 'fsmount' },
  move_mount: { via: ['fsopen'], call: () => 'move_mount' },
  'move_mount, with a target of our own': { via: ['fsopen'], call: () => 'move_mount', bare: true },
  mount: { via: ['mount'], call: () => 'mount:overlay' },
  'mount, with a work directory of our own': { via: ['mount'], call: () => 'mount:overlay', bare: true },
  'mount_setattr: propagation': {
    via: ['fsopen'],
    call: () => 'mount_setattr',
    more: { propagation: 'slave' },
  },
  'claim: openat of upper': { via: both, call: ({ upper }) => `openat@2:${READING}:${upper}` },
  'claim: openat of work': { via: both, call: ({ work }) => `openat@2:${READING}:${work}` },
  'claim: flock': { via: both, call: () => 'flock' },
  'claim: statx of the entry work': { via: both, call: () => 'statx:work', passable: true },
  'claim: listmount': { via: both, call: () => 'listmount', passable: true },
  'claim: statmount': { via: both, call: () => 'statmount', passable: true },
  'fstatfs of the new mount': { via: both, call: () => 'fstatfs' },
  'look: fstatfs': { via: ['fsopen'], call: () => 'fstatfs', with: REFUSED },
  'look: open_tree': { via: ['fsopen'], call: () => 'open_tree', with: REFUSED },
};

interface Outcome {
  readonly code: string;
  readonly message: string;
}

// Each form twice: what the first attempt keeps open for good, the second must not open again.
const script = `
  import { readdirSync } from 'node:fs';
  import { mount, mountSync } from 'overlayfs';
  const spec = JSON.parse(process.argv[1]);
  const outcomes = [];
  const attempt = async (form) => {
    try { const overlay = await form(spec); overlay.unmountSync(); outcomes.push({ code: 'mounted', message: '' }); }
    catch ({ code, message }) { outcomes.push({ code, message }); }
  };
  const open = () => readdirSync('/proc/self/fd').length;
  for (const form of [mountSync, mount]) await attempt(form);
  const before = open();
  for (const form of [mountSync, mount]) await attempt(form);
  console.log(JSON.stringify({ outcomes, leaked: open() - before }));`;

/** True of every set-up here: the failed call alone, or that no family of calls got through. */
function isHonest({ code, message }: Outcome, passable: boolean): boolean {
  if (code === 'mounted') return passable;
  if (code === 'ERR_OVERLAY_UNEXPLAINED') return /Looked at and found in order/.test(message);
  return code === 'ERR_OVERLAY_NO_WAY';
}

function inject(fault: Fault, via: 'fsopen' | 'mount', errno: string): unknown[] {
  const scratch = scratchDirectory();
  const layers = scratch.layers({ lower: 2, ...(fault.bare && { work: false, target: false }) });
  const { work, ...rest } = layers;
  const spec = fault.bare ? { ...rest, ...fault.more, via, mkdir: true } : { ...layers, ...fault.more, via };
  const names = () => readdirSync(scratch.path, { recursive: true, encoding: 'utf8' }).sort();
  const before = names();
  const rules = [`${fault.call(layers)}=${errno}`, ...(fault.with === undefined ? [] : [fault.with])];
  const outcome = runFaked(rules, script, { args: [JSON.stringify(spec)] });
  const { outcomes, leaked } = printedJson<{ outcomes: Outcome[]; leaked: number }>(outcome);
  const left = names().filter((name) => !before.includes(name));
  return [
    ...outcomes.filter((said) => !isHonest(said, fault.passable ?? false)),
    ...(leaked === 0 ? [] : [`${leaked} descriptors`]),
    ...mountsBelow(scratch.path),
    // What the driver leaves of a mount that was made and ended.
    ...(outcomes.some(({ code }) => code === 'mounted') ? left.filter((name) => name !== 'work/work') : left),
  ];
}

for (const [name, fault] of Object.entries(faults)) {
  for (const via of fault.via) {
    privileged(
      `${name}, ${via}: every errno`,
      () => {
        const wrong = errnos.map((errno) => [errno, inject(fault, via, errno)] as const);
        expect(wrong.filter(([, what]) => what.length > 0)).toEqual([]);
      },
      120_000,
    );
  }
}
