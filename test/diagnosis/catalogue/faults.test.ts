// Failures that no rule knows, injected into every call of the chain, in both forms: nothing false is claimed, nothing is left.
import { constants, readdirSync } from 'node:fs';
import { expect } from 'vitest';
import { fakeErrnoProgram, runFaked } from '../../support/fake-errno.ts';
import { mountsBelow } from '../../support/mounts.ts';
import { printedJson, runNode } from '../../support/node-process.ts';
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
  /** Without a target. */
  readonly detached?: true;
  /** Without a target, and attached to it then. */
  readonly attach?: true;
  /** A second fault, which makes the mount fail so that it is looked at. */
  readonly with?: string;
}

const both = ['fsopen', 'mount'] as const;
// An open for reading, as a claim makes it: what looks at a path afterwards asks for less (O_PATH).
const READING = constants.O_DIRECTORY | 0o2000000;
// FSCONFIG_CMD_CREATE is 6, FSCONFIG_SET_FD 5.
const CREATE = 'fsconfig@1:6';
// STATX_MNT_ID | STATX_MNT_ID_UNIQUE, MS_REMOUNT, MS_SLAVE.
const [PLACED, REMOUNT, SLAVE] = [0x5000, 0x20, 1 << 19];
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
  'fsconfig: a flag': { via: ['fsopen'], call: () => 'fsconfig@1:0', more: { options: { userxattr: true } } },
  'fsconfig: an option': {
    via: ['fsopen'],
    call: () => 'fsconfig:index',
    more: { options: { index: true } },
  },
  'statx of the mount in its place': { via: both, call: () => `statx@3:${PLACED}`, passable: true },
  'mount: read-only': {
    via: ['mount'],
    call: () => `mount@3&${REMOUNT}`,
    more: { attributes: { readOnly: true } },
  },
  'mount: propagation': { via: ['mount'], call: () => `mount@3&${SLAVE}`, more: { propagation: 'slave' } },
  'detached: open_tree': { via: ['mount'], call: () => 'open_tree', detached: true, passable: true },
  'detached: statx of the mount': {
    via: both,
    call: () => `statx@3:${PLACED}`,
    detached: true,
    passable: true,
  },
  'attach: move_mount': { via: both, call: () => 'move_mount', attach: true },
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
    let overlay;
    try {
      overlay = await form(spec);
      if (process.argv[2]) await overlay.attach(process.argv[2]);
      overlay.unmountSync();
      outcomes.push({ code: 'mounted', message: '' });
    } catch ({ name, code, message }) {
      outcomes.push({ code: name === 'OverlayError' ? code : name, message });
      if (process.argv[2]) overlay?.unmountSync();
    }
  };
  const open = () => readdirSync('/proc/self/fd').length;
  for (const form of [mountSync, mount]) await attempt(form);
  const before = open();
  for (const form of [mountSync, mount]) await attempt(form);
  console.log(JSON.stringify({ outcomes, leaked: open() - before }));`;

/** True of every set-up here: the failed call alone, or that no family of calls got through. */
function isHonest({ code, message }: Outcome, passable: boolean, optional: boolean): boolean {
  if (code === 'mounted') return passable;
  // What the kernel says of a call that would open one more it need not be asked about.
  if (code === 'ERR_OVERLAY_TOO_MANY_OPEN_FILES')
    return /left none for (openat|fsopen|fsmount|open_tree)\(2\)/.test(message);
  if (code === 'ERR_OVERLAY_UNEXPLAINED') return /Looked at and found in order/.test(message);
  // An option that is answered with EINVAL is refused, whatever this kernel does otherwise.
  if (code === 'ERR_OVERLAY_OPTION_REFUSED') return optional && /this kernel refuses it$/.test(message);
  return code === 'ERR_OVERLAY_NO_WAY';
}

function inject(fault: Fault, via: 'fsopen' | 'mount', errno: string): unknown[] {
  const scratch = scratchDirectory();
  const layers = scratch.layers({ lower: 2, ...(fault.bare && { work: false, target: false }) });
  const { work, ...rest } = layers;
  const { target, ...placeless } = layers;
  const nowhere = fault.detached || fault.attach;
  const spec = fault.bare
    ? { ...rest, ...fault.more, via, mkdir: true }
    : { ...(nowhere ? placeless : layers), ...fault.more, via };
  const names = () => readdirSync(scratch.path, { recursive: true, encoding: 'utf8' }).sort();
  const before = names();
  const rules = [`${fault.call(layers)}=${errno}`, ...(fault.with === undefined ? [] : [fault.with])];
  const outcome = runFaked(rules, script, {
    args: [JSON.stringify(spec), ...(fault.attach ? [target] : [])],
  });
  const { outcomes, leaked } = printedJson<{ outcomes: Outcome[]; leaked: number }>(outcome);
  const left = names().filter((name) => !before.includes(name));
  return [
    ...outcomes.filter(
      (said) => !isHonest(said, fault.passable ?? false, fault.more !== undefined && 'options' in fault.more),
    ),
    ...(leaked === 0 ? [] : [`${leaked} descriptors`]),
    ...mountsBelow(scratch.path),
    // What the driver leaves of a mount that was made and ended.
    ...(fault.attach || outcomes.some(({ code }) => code === 'mounted')
      ? left.filter((name) => name !== 'work/work')
      : left),
  ];
}

for (const [name, fault] of Object.entries(faults)) {
  for (const via of fault.via) {
    privileged(`${name}, ${via}: every errno`, () => {
      const wrong = errnos.map((errno) => [errno, inject(fault, via, errno)] as const);
      expect(wrong.filter(([, what]) => what.length > 0)).toEqual([]);
    });
  }
}

// In a mount namespace of its own, with which the mounts end that stay.
const staying = `
  import { mount, mountSync } from 'overlayfs';
  import { readFileSync, rmSync } from 'node:fs';
  const said = [];
  for (const form of [mountSync, mount]) {
    try { await form(JSON.parse(process.argv[1])); said.push('mounted'); }
    catch ({ name, code, syscall, path }) { said.push([name, code, path, ...(syscall ? [syscall] : [])]); }
  }
  const stays = readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').filter((line) => line.includes('- overlay'));
  console.log(JSON.stringify({ said, stays: stays.map((line) => line.split(' ')[4]) }));`;

for (const via of both) {
  for (const detached of via === 'mount' ? [false, true] : [false]) {
    privileged(
      `a mount that can neither stand nor be taken back is told of, ${via}${detached ? ', detached' : ''}`,
      () => {
        const scratch = scratchDirectory();
        const { target, ...layers } = scratch.layers({ lower: 2 });
        const spec = { ...layers, via, ...(!detached && { target }) };
        const rules = ['umount2=EIO', ...(detached ? [] : [`statx@3:${PLACED}=EXDEV`])];
        const under = ['unshare', '--mount', '--propagation', 'private', fakeErrnoProgram(), ...rules, '--'];
        const env = { TMPDIR: scratch.directory('tmp') };
        const outcome = printedJson<{ said: string[][]; stays: string[] }>(
          runNode(staying, { under, env, args: [JSON.stringify(spec)] }),
        );
        const [where, ...more] = outcome.stays.filter((point) => point.startsWith(scratch.path));
        expect(more).toEqual([]);
        expect(where).toMatch(detached ? /overlayfs-foothold-/ : /target$/);
        expect(outcome.said).toEqual([
          ['OverlayError', 'ERR_OVERLAY_NOT_TAKEN_BACK', where, 'umount2'],
          ['OverlayError', 'ERR_OVERLAY_IN_USE', layers.upper],
        ]);
      },
    );
  }
}
