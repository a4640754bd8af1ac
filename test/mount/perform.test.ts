// Mounts that fail: the error says what is wrong and where, and nothing is left that was not there.
import { chmodSync, existsSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { kernels, runFaked } from '../support/fake-errno.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { describePrivileged, privileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { errorOf, forms, ways } from './forms.ts';
import { traces } from './traces.ts';

type Layers = ReturnType<Scratch['layers']>;
interface Failing {
  readonly name: string;
  /** The spec, and what has to be there for it. */
  readonly spec: (layers: Layers, scratch: Scratch) => MountSpec;
  readonly error: (scratch: Scratch) => Record<string, unknown>;
  /** Words of the message. */
  readonly words?: (scratch: Scratch) => string;
}

const place = (code: string, option: string, more: Record<string, unknown> = {}) => ({
  code,
  option,
  ...more,
});

const failing: Failing[] = [
  {
    name: 'a missing lower, the third of four',
    spec: ({ lower, ...rest }, s) => ({ ...rest, lower: [lower[0]!, lower[1]!, s.join('no/pe'), '/etc'] }),
    error: (s) => place('ERR_OVERLAY_NOT_FOUND', 'lower', { index: 2, path: s.join('no/pe'), errno: -2 }),
    words: (s) => `there is no "${s.join('no')}"`,
  },
  {
    name: 'a missing data layer',
    spec: ({ lower, target }, s) => ({ lower, target, data: ['/etc', s.join('nope')] }),
    error: (s) => place('ERR_OVERLAY_NOT_FOUND', 'data', { index: 1, path: s.join('nope') }),
  },
  {
    name: 'a missing upper',
    spec: (layers, s) => ({ ...layers, upper: s.join('nope') }),
    error: (s) =>
      place('ERR_OVERLAY_NOT_FOUND', 'upper', {
        path: s.join('nope'),
        hint: expect.stringContaining('mkdir'),
      }),
  },
  {
    name: 'a missing upper without work',
    spec: ({ lower, target }, s) => ({ lower, target, upper: s.join('nope') }),
    error: () => place('ERR_OVERLAY_NOT_FOUND', 'upper'),
  },
  {
    name: 'a missing work',
    spec: (layers, s) => ({ ...layers, work: s.join('nope') }),
    error: (s) => place('ERR_OVERLAY_NOT_FOUND', 'work', { path: s.join('nope') }),
  },
  {
    name: 'a missing target',
    spec: (layers, s) => ({ ...layers, target: s.join('nope') }),
    error: (s) => place('ERR_OVERLAY_NOT_FOUND', 'target', { path: s.join('nope') }),
  },
  {
    name: 'a missing target, with an own work directory',
    spec: ({ lower, upper }, s) => ({ lower, upper, target: s.join('nope') }),
    error: () => place('ERR_OVERLAY_NOT_FOUND', 'target'),
  },
  {
    name: 'a file as lower',
    spec: ({ lower, ...rest }) => ({ ...rest, lower: [lower[0]!, `${lower[1]}/shared`] }),
    error: (s) => place('ERR_OVERLAY_NOT_DIRECTORY', 'lower', { index: 1, path: s.join('lower1/shared') }),
  },
  {
    name: 'a file on the way to a lower',
    spec: ({ lower, ...rest }) => ({ ...rest, lower: `${lower[0]}/shared/deeper` }),
    error: () => place('ERR_OVERLAY_NOT_DIRECTORY', 'lower', { index: 0 }),
    words: (s) => `"${s.join('lower0/shared')}" is not a directory`,
  },
  {
    name: 'a file as upper',
    spec: (layers, s) => ({ ...layers, upper: s.file('file') }),
    error: (s) => place('ERR_OVERLAY_NOT_DIRECTORY', 'upper', { path: s.join('file') }),
  },
  {
    name: 'a file as work',
    spec: (layers, s) => ({ ...layers, work: s.file('file') }),
    error: () => place('ERR_OVERLAY_NOT_DIRECTORY', 'work'),
  },
  {
    name: 'a file as target',
    spec: (layers, s) => ({ ...layers, target: s.file('file') }),
    error: () => place('ERR_OVERLAY_NOT_DIRECTORY', 'target'),
  },
  {
    name: 'a dangling symbolic link',
    spec: ({ lower, ...rest }, s) => {
      symlinkSync('/nowhere/at/all', s.join('link'));
      return { ...rest, lower: [lower[0]!, s.join('link')] };
    },
    error: (s) => place('ERR_OVERLAY_DANGLING_SYMLINK', 'lower', { index: 1, path: s.join('link') }),
    words: () => '"/nowhere/at/all"',
  },
  {
    name: 'a dangling link on the way to the target',
    spec: (layers, s) => {
      symlinkSync('gone', s.join('link'));
      return { ...layers, target: `${s.join('link')}/m` };
    },
    error: () => place('ERR_OVERLAY_DANGLING_SYMLINK', 'target'),
    words: (s) => `"${s.join('link')}" is a symbolic link to "gone"`,
  },
  {
    name: 'symbolic links in a circle',
    spec: (layers, s) => {
      symlinkSync(s.join('b'), s.join('a'));
      symlinkSync(s.join('a'), s.join('b'));
      return { ...layers, upper: s.join('a') };
    },
    error: () => place('ERR_OVERLAY_SYMLINK_LOOP', 'upper'),
  },
  {
    name: 'a name of 256 bytes',
    spec: (layers, s) => ({ ...layers, work: s.join('n'.repeat(256)) }),
    error: () => place('ERR_OVERLAY_NAME_TOO_LONG', 'work'),
  },
  {
    name: 'a path of 4,096 bytes',
    spec: ({ lower, ...rest }, s) => ({
      ...rest,
      lower: [...lower, `${s.path}/./${'/'.repeat(4096)}`.slice(0, 4096)],
    }),
    error: () => place('ERR_OVERLAY_NAME_TOO_LONG', 'lower', { index: 2 }),
  },
  {
    name: 'a descriptor that is not open',
    spec: ({ lower, ...rest }) => ({ ...rest, lower: [lower[0]!, { fd: 999_999 }] }),
    error: () => place('ERR_OVERLAY_INVALID_DESCRIPTOR', 'lower', { index: 1 }),
  },
  {
    name: "a file's descriptor as upper",
    spec: (layers) => ({ ...layers, upper: { fd: 0 } }),
    error: () => place('ERR_OVERLAY_NOT_DIRECTORY', 'upper'),
  },
  {
    name: 'what only the kernel refuses: a lower twice',
    spec: ({ lower, ...rest }) => ({ ...rest, lower: [lower[0]!, lower[0]!] }),
    error: () => ({ code: 'ERR_OVERLAY_LAYER_TWICE', errno: -40, option: 'lower', index: 1 }),
  },
  {
    name: 'what only the kernel refuses: a lower that is the upper, with an own work directory',
    spec: ({ upper, target }) => ({ lower: upper, upper, target }),
    error: () => ({ code: 'ERR_OVERLAY_LAYER_TWICE', errno: -40, option: 'lower', index: 0 }),
  },
  {
    name: 'what only the kernel refuses: work on another filesystem',
    spec: (layers, scratch) => ({ ...layers, work: tmpfsMount({ scratch }).path }),
    error: () => ({ code: 'ERR_OVERLAY_WORK_ON_OTHER_MOUNT', errno: -22, option: 'work' }),
  },
  {
    name: 'what only the kernel refuses, with an index',
    spec: ({ lower, ...rest }) => ({ ...rest, lower: [lower[0]!, lower[0]!], options: { index: true } }),
    error: () => ({ code: 'ERR_OVERLAY_LAYER_TWICE', errno: -40, option: 'lower', index: 1 }),
  },
];

describePrivileged('a failed mount', () => {
  describe.each(ways)('%s', (_, form, via) => {
    test.each(failing)('$name', async ({ spec, error, words }) => {
      const scratch = scratchDirectory();
      const made = { ...spec(scratch.layers({ lower: 2 }), scratch), via };
      for (const more of [{}, { mkdir: undefined }]) {
        const before = traces(scratch.path);
        const found = await errorOf(() => form.mount({ ...made, ...more } as MountSpec));
        expect(found).toMatchObject(error(scratch));
        expect(found.cause).toMatchObject({
          name: 'KernelError',
          errno: found.errno,
          syscall: found.syscall,
        });
        expect(found.hint).toMatch(/\w+ \w+/);
        if (words !== undefined) expect(found.message).toContain(words(scratch));
        expect(traces(scratch.path)).toEqual(before);
      }
    });
  });

  describe.each(forms)('mkdir, $name', (form) => {
    test('makes what is missing, with its parents', async () => {
      const scratch = scratchDirectory();
      const { lower } = scratch.layers({ upper: false, work: false, target: false });
      const [upper, work, target] = ['a/b/upper', 'a/c/work', 'd/e/f/target/'].map(
        (name) => `${scratch.path}/${name}`,
      );
      const spec: MountSpec = { lower, upper: upper!, work: work!, target: target!, mkdir: true };
      const overlay = await form.mount(spec);
      expect(readdirSync(scratch.join('a')).sort()).toEqual(['b', 'c']);
      expect(statSync(upper!).mode & 0o777).toBe(0o777 & ~process.umask());
      await form.end(overlay);
      // They stay: the upper has the changes.
      expect(existsSync(target!)).toBe(true);
      await form.end(await form.mount(spec));
    });

    test('makes no lower', async () => {
      const scratch = scratchDirectory();
      const before = traces(scratch.path);
      const spec = {
        lower: scratch.join('lower'),
        upper: scratch.join('u'),
        target: scratch.join('m'),
        mkdir: true,
      };
      expect(await errorOf(() => form.mount(spec))).toMatchObject(place('ERR_OVERLAY_NOT_FOUND', 'lower'));
      expect(traces(scratch.path)).toEqual(before);
    });

    test.each(failing.filter(({ name }) => !/missing (?:upper|work|target)|is the upper/.test(name)))(
      'takes back exactly what it made: $name',
      async ({ spec }) => {
        const scratch = scratchDirectory();
        const made = spec(scratch.layers({ lower: 2 }), scratch);
        const own = (name: 'upper' | 'work' | 'target') =>
          made[name] === undefined || made[name] === scratch.join(name)
            ? { [name]: scratch.join(`new/${name}/x/y`) }
            : {};
        // What the row is about stays; all else is to be made.
        const fresh = {
          ...made,
          ...own('upper'),
          ...own('work'),
          ...own('target'),
          mkdir: true,
        } as MountSpec;
        const before = traces(scratch.path);
        await errorOf(() => form.mount(fresh));
        expect(traces(scratch.path)).toEqual(before);
      },
    );

    test('is told of a file in the way, and of one as parent', async () => {
      const scratch = scratchDirectory();
      const { lower, work, target } = scratch.layers();
      const file = scratch.file('file');
      for (const upper of [file, `${file}/upper`]) {
        const before = traces(scratch.path);
        expect(await errorOf(() => form.mount({ lower, upper, work, target, mkdir: true }))).toMatchObject(
          place('ERR_OVERLAY_NOT_DIRECTORY', 'upper', { path: upper }),
        );
        expect(traces(scratch.path)).toEqual(before);
      }
    });
  });

  test('leaves what was in the work directory of the user', async () => {
    const scratch = scratchDirectory();
    const layers = scratch.layers();
    scratch.file('work/notes', 'mine');
    await errorOf(() => forms[0]!.mount({ ...layers, lower: [...layers.lower, ...layers.lower] }));
    expect(readdirSync(layers.work)).toEqual(['notes']);
  });

  test('does not take the work directory from under a live overlay', async () => {
    const { lower, ...layers } = scratchDirectory().layers({ lower: 2 });
    await using _overlay = await forms[0]!.mount({ ...layers, lower });
    const twice = { ...layers, lower: [lower[0]!, lower[0]!], shareUpper: true };
    await errorOf(() => forms[0]!.mount(twice));
    expect(readdirSync(layers.work)).toEqual(['work']);
  });
});

/** Says what the error is, for a mount in another process. */
const telling = (spec: MountSpec) => `
  import { mountSync } from 'overlayfs';
  try { mountSync(${JSON.stringify(spec)}); console.log('{}'); }
  catch ({ code, option, index, path, syscall, message, hint, findings }) {
    console.log(JSON.stringify({ code, option, index, path, syscall, message, hint, findings: findings.map(({ code }) => code) }));
  }`;

describe('without privilege', () => {
  test.each(['auto', 'fsopen', 'mount'] as const)('says so, via %s', (via) => {
    const layers = scratchDirectory().layers();
    for (const path of Object.values(layers).flat()) chmodSync(path, 0o777);
    const told = printedJson<Record<string, unknown>>(asNobody(telling({ ...layers, via })));
    expect(told).toMatchObject({
      code: 'ERR_OVERLAY_NO_PRIVILEGE',
      hint: expect.stringContaining('unshare'),
    });
    expect(told.message).toMatch(/uid \d+.*CAP_SYS_ADMIN/);
    expect(readdirSync(layers.work)).toEqual([]);
  });

  // The directory has to be somebody else's: in a namespace of its own the owner may do all.
  privileged('names the directory that may not be searched', () => {
    const scratch = scratchDirectory();
    const closed = scratch.directory('closed/inner');
    chmodSync(scratch.join('closed'), 0o700);
    const spec: MountSpec = { lower: ['/etc', closed], target: scratch.directory('m') };
    // In a namespace of its own, so that it is not the missing privilege.
    const under = ['unshare', '--user', '--map-root-user', '--mount'];
    const told = printedJson<Record<string, unknown>>(asNobody(telling(spec), { under }));
    expect(told).toMatchObject(place('ERR_OVERLAY_NO_ACCESS', 'lower', { index: 1, path: closed }));
    expect(told.message).toContain(JSON.stringify(scratch.join('closed')));
    expect(told.hint).toContain('chmod +x');
  });
});

describePrivileged('faults', () => {
  test('no overlay in the kernel: the error says what is true, and no more', () => {
    const layers = scratchDirectory().layers();
    const told = printedJson<Record<string, unknown>>(runFaked(kernels.withoutOverlay, telling(layers)));
    // This kernel has it, whatever the calls say: /proc/filesystems lists it.
    expect(told).toMatchObject({ code: 'ERR_OVERLAY_UNEXPLAINED', syscall: 'mount' });
    expect(told.message).toContain('ENODEV');
  });

  // Each call of a mount, failing by what can only be unknown to us.
  const chain: Record<'fsopen' | 'mount', string[]> = {
    fsopen: [
      'flock',
      'fsopen',
      'fsconfig#1',
      'fsconfig#2',
      'fsconfig#3',
      'fsconfig#4',
      'fsconfig#5',
      'fsmount',
      'move_mount',
      'mount_setattr',
      'mkdirat',
    ],
    mount: ['flock', 'mount#1', 'mount#2', 'mount#3', 'mkdirat'],
  };
  const errnos = ['EIO', 'EPERM', 'EBUSY', 'EACCES', 'EINVAL', 'ENOENT', 'ELOOP'];
  const prober = `
    import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
    import { mount, mountSync } from 'overlayfs';
    const [spec, root] = JSON.parse(process.argv[1]);
    // By what they lead to. The one that reads the list has gone; that of a large mount table is kept.
    const descriptors = () => readdirSync('/proc/self/fd').map((fd) => { try { return fd + ' ' + readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } });
    const state = () => JSON.stringify([readdirSync(root, { recursive: true }).sort(), readFileSync('/proc/self/mountinfo', 'utf8').split('\\n').filter((line) => line.includes(root)), readdirSync(process.env.TMPDIR).filter((name) => /foothold|empty/.test(name))]);
    await import('node:fs/promises').then((fs) => fs.stat('/'));
    const [before, open] = [state(), descriptors()];
    const told = [];
    for (const attempt of [() => mountSync(spec), () => mount(spec)]) {
      try { const overlay = await attempt(); told.push({ ok: overlay.via }); overlay.unmountSync(); }
      catch (error) { told.push({ name: error.name, code: error.code, message: error.message, cause: error.cause?.name, first: error.findings?.[0].code }); }
    }
    console.log(JSON.stringify({ told, same: state() === before, leaked: descriptors().filter((one) => !open.includes(one) && !one.endsWith('/mountinfo')) }));`;

  describe.each(['fsopen', 'mount'] as const)('via %s', (via) => {
    test.each(chain[via].flatMap((call) => errnos.map((errno) => [call, errno] as const)))(
      '%s answers %s',
      (call, errno) => {
        const scratch = scratchDirectory();
        const { lower, upper, target } = scratch.layers({ work: false });
        const spec: MountSpec = {
          lower,
          upper,
          target,
          via,
          propagation: 'shared',
          attributes: { readOnly: true },
        };
        const rule = `${call}${call.includes('#') ? '+' : ''}=${errno}`;
        const args = [JSON.stringify([spec, scratch.path])];
        const { told, same, leaked } = printedJson<{
          told: Record<string, string>[];
          same: boolean;
          leaked: string[];
        }>(runFaked([rule], prober, { args }));
        expect([same, leaked]).toEqual([true, []]);
        for (const outcome of told) {
          // Everything is in order but the call: whoever names another cause is wrong.
          expect(outcome).toMatchObject({ name: 'OverlayError', first: outcome.code });
          // EINVAL is how an older kernel answers: a thread that has met it once does not ask again.
          const known = errno === 'EINVAL' && outcome.code === 'ERR_OVERLAY_NO_WAY';
          if (!known)
            expect(outcome).toMatchObject({ code: 'ERR_OVERLAY_UNEXPLAINED', cause: 'KernelError' });
          expect(outcome.message).toContain(errno);
        }
      },
    );
  });
});
