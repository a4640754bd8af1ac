// Every option, attribute and propagation, mounted by both families and read back from the mount table.
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { MOUNT_ATTRIBUTES } from '../../lib/format/attributes.ts';
import type {
  AnyOverlayOptions,
  MountAttributes,
  MountSpec,
  OverlayOptions,
} from '../../lib/format/mount-spec.ts';
import { OVERLAY_OPTIONS } from '../../lib/format/options.ts';
import { callSync } from '../../lib/kernel/call.ts';
import { KernelError } from '../../lib/kernel/kernel-error.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { FSCONFIG_STRING_LIMIT, fitsFsconfig, sizeOf, textOf } from '../../lib/mount/plan-fsopen.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { comparable, entryAt, errorOf, families } from './forms.ts';

/** What one family's mount shows, of a stack that nobody has used: a used upper shows its uuid. */
function shownBy(via: 'fsopen' | 'mount', make: () => MountSpec & { target: string }): Shown {
  const spec = make();
  using overlay = mountSync({ ...spec, via });
  const text = JSON.stringify(comparable(entryAt(overlay.path)));
  return JSON.parse(text.replaceAll(/"[^"]*\/overlayfs-test-\w+/g, '"<scratch>')) as Shown;
}

interface Shown {
  readonly options: AnyOverlayOptions;
  readonly attributes: MountAttributes;
  readonly propagation: string;
  readonly [name: string]: unknown;
}

/** What both show, which is the same. */
function shownByBoth(make: () => MountSpec & { target: string }): Shown {
  const [first, second] = families.map((via) => shownBy(via, make));
  expect(first).toEqual(second);
  return first!;
}

const stack = () => scratchDirectory().layers();

// What this kernel shows, of a fresh upper and layers on one filesystem: a value is shown when it differs from the default.
const COMES_ALONG: Readonly<Record<string, object>> = {
  'metacopy=true': { metacopy: true, redirectDir: 'on' },
  'nfsExport=true': { nfsExport: true, index: true },
  'userxattr=true': { userxattr: true, redirectDir: 'nofollow' },
  // Not shown either way.
  'overrideCreds=true': {},
  'overrideCreds=false': {},
  // 'off' still follows, which is the default.
  'redirectDir=off': {},
  'redirectDir=follow': {},
  'verity=off': {},
  'fsync=auto': {},
  // A fresh upper gets a uuid of its own.
  'uuid=auto': { uuid: 'on' },
  // On one filesystem inode numbers are unique without it.
  ...Object.fromEntries(['on', 'off', 'auto'].map((value) => [`xino=${value}`, {}])),
};
const shownFor = (name: string, value: unknown): object => {
  const usual = value === false ? {} : { [name]: value };
  return { uuid: 'on', ...(COMES_ALONG[`${name}=${value}`] ?? usual) };
};

/** True when the kernel takes the option at all. */
function isKnown(key: string, value: string | undefined): boolean {
  const context = callSync('fsopen', 'overlay', 1);
  try {
    if (value === undefined) callSync('fsconfig_set_flag', context, key);
    else callSync('fsconfig_set_string', context, key, value);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

describePrivileged('options', () => {
  const values = OVERLAY_OPTIONS.flatMap((row) => row.values.map((value) => [row.name, value] as const));

  test.each(values)('%s: %s, by both families alike, and read back', (name, value) => {
    const row = OVERLAY_OPTIONS.find((row) => row.name === name)!;
    const spoken =
      row.kind === 'flag' || row.kind === 'negatable' ? undefined : row.kind === 'onOff' ? 'on' : value;
    expect(isKnown(row.key, spoken as string | undefined)).toBe(true);
    const { options } = shownByBoth(() => ({ ...stack(), options: { [name]: value } as OverlayOptions }));
    expect(options).toEqual(shownFor(name, value));
  });

  test.each(families)('several at once (%s)', (via) => {
    const options: OverlayOptions = { metacopy: true, index: true, xino: 'on', defaultPermissions: true };
    expect(shownBy(via, () => ({ ...stack(), options })).options).toMatchObject({
      metacopy: true,
      redirectDir: 'on',
      index: true,
      defaultPermissions: true,
    });
  });

  test.each(['on', 'off', 'auto'] as const)('xino: %s over two filesystems', (xino) => {
    const spanning = () => {
      const layers = stack();
      return { ...layers, lower: [tmpfsMount().path, ...layers.lower], options: { xino } };
    };
    const shown = shownByBoth(spanning).options;
    expect(shown).toEqual({ uuid: 'on', ...(xino === 'off' ? {} : { xino }) });
  });

  test.each(families)('raw: a flag of the VFS (%s)', (via) => {
    const { lower, upper, work, target } = scratchDirectory().layers();
    const options = { raw: { lazytime: true } } as const;
    using overlay = mountSync({ lower, upper, work, target, via, options });
    expect(entryAt(overlay.path)?.options).toMatchObject({ raw: { lazytime: true } });
  });

  test.each(families)(
    'raw: an unknown one is refused by the kernel, with its own words (%s)',
    async (via) => {
      const { lower, upper, work, target } = scratchDirectory().layers();
      const spec: MountSpec = {
        lower,
        upper,
        work,
        target,
        via,
        options: { raw: { no_such_option: 'x,y' } },
      };
      const error = await errorOf(() => mountSync(spec));
      expect(error).toMatchObject({ code: 'ERR_OVERLAY_OPTION_REFUSED', errno: -22 });
      if (via === 'fsopen') {
        expect(error).toMatchObject({ option: 'no_such_option', syscall: 'fsconfig' });
        expect(error.message).toMatch(/Unknown parameter 'no_such_option'/);
      }
      expect(entryAt(target)).toBeUndefined();
    },
  );

  test('a name in /proc/mounts', () => {
    for (const source of ['overlay', 'my source', 'a,b\\c', 'ü', 'none', 'x'.repeat(255)]) {
      expect(shownByBoth(() => ({ ...stack(), source }))).toMatchObject({ source });
    }
  });
});

describePrivileged('attributes', () => {
  const alone = MOUNT_ATTRIBUTES.map(({ name }): [string, MountAttributes] => [name, { [name]: true }]);
  const all: MountAttributes = {
    ...{ readOnly: true, nosuid: true, nodev: true, noexec: true },
    ...{ noatime: true, nodiratime: true, nosymfollow: true },
  };

  test.each([
    ...alone,
    ['none', {}],
    ['all', all],
    ['readOnly and strictatime', { readOnly: true, strictatime: true }],
    ['what is false', { readOnly: false, nosuid: false, relatime: false }],
  ] satisfies [string, MountAttributes][])('%s, by both families alike', (_, attributes) => {
    const first = shownByBoth(() => ({ ...stack(), attributes }));
    const set = Object.fromEntries(Object.entries(attributes).filter(([, value]) => value));
    const hasAtime = ['noatime', 'relatime', 'strictatime'].some((name) => name in set);
    // readOnly is the mount's, not the filesystem's: another mount of the same overlay may be writable.
    expect(first).toMatchObject({
      attributes: { ...(hasAtime ? {} : { relatime: true }), ...set },
      readOnly: false,
    });
    expect(Object.keys(first.attributes)).toHaveLength(Object.keys(set).length + (hasAtime ? 0 : 1));
  });

  test.each(families)('work on a detached mount as well (%s)', (via) => {
    const { lower, upper, work } = scratchDirectory().layers();
    using overlay = mountSync({ lower, upper, work, via, attributes: { readOnly: true, noexec: true } });
    expect(readFileSync(`/proc/self/fdinfo/${overlay.fd}`, 'utf8')).toMatch(/^mnt_id:/m);
    expect(run('sh', '-c', `(echo x > ${overlay.path}/new) 2>&1 || true`)).toMatch(/Read-only file system/);
    expect(readdirSync(upper)).toEqual([]);
  });
});

describePrivileged('propagation', () => {
  const kinds = ['private', 'slave', 'shared', 'unbindable'] as const;
  const under = (parent: 'shared' | 'private') => {
    const scratch = scratchDirectory();
    const { path } = tmpfsMount({ scratch });
    run('mount', `--make-${parent}`, path);
    run('mkdir', `${path}/target`);
    // A slave needs a master, which a peer of the parent brings.
    if (parent === 'shared') run('mount', '--bind', path, scratch.directory('peer'));
    return { ...scratch.layers({ target: false }), target: `${path}/target` };
  };

  describe.each(['shared', 'private'] as const)('under a %s parent', (parent) => {
    test.each(kinds)('%s, by both families alike', (propagation) => {
      // Alone in its group it turns private.
      const shown = propagation === 'slave' && parent === 'private' ? 'private' : propagation;
      expect(shownByBoth(() => ({ ...under(parent), propagation })).propagation).toBe(shown);
    });

    test('left to the kernel', () => {
      expect(shownByBoth(() => under(parent)).propagation).toBe(parent);
    });

    test.each(families.flatMap((via) => kinds.map((kind) => [via, kind] as const)))(
      'of a detached mount that is attached later (%s, %s)',
      (via, propagation) => {
        const { lower, upper, work, target } = under(parent);
        const attachedLater = (spec: MountSpec): Overlay => {
          const overlay = mountSync(spec);
          overlay.attachSync(target);
          return overlay;
        };
        const spec: MountSpec = { lower, upper, work, propagation };
        using _overlay = attachedLater({ ...spec, via });
        const shown = shownBy('fsopen', () => ({ ...under(parent), propagation })).propagation;
        expect(entryAt(target)!.propagation).toBe(shown);
      },
    );
  });
});

test('knows what fsconfig takes as a string', () => {
  for (const [text, fits] of [
    ['x'.repeat(FSCONFIG_STRING_LIMIT), true],
    ['x'.repeat(256), false],
    ['ü'.repeat(127), true],
    ['ü'.repeat(128), false],
    ['€'.repeat(85), true],
    ['€'.repeat(86), false],
    [Buffer.alloc(255), true],
    [Buffer.alloc(256), false],
  ] as const) {
    expect(fitsFsconfig(text)).toBe(fits);
    expect(sizeOf(text) <= FSCONFIG_STRING_LIMIT).toBe(fits);
  }
  expect(textOf({ option: 'lower', fd: 5 })).toBe('/proc/self/fd/5');
  expect(textOf({ option: 'lower', absolute: '/a' })).toBe('/a');
});
