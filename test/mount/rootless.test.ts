// What a mount without root asks for: what 'auto' means, what cannot be had, and layers that are open already.
import { chmodSync, closeSync, openSync, renameSync, rmdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { OVERLAY_OPTIONS } from '../../lib/format/options.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { decideRootless, lacksPrivilege } from '../../lib/mount/rootless.ts';
import { type MountRequest, readSpec } from '../../lib/mount/spec.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { runFaked } from '../support/fake-errno.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { isPrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { errorOf } from './forms.ts';

const decided = (spec: MountSpec): MountRequest => runSync(decideRootless(readSpec(spec)));
const [lower, upper, work] = ['/nowhere/lower', '/nowhere/upper', '/nowhere/work'];

test('lacking privilege is asked of the kernel', () => {
  expect(runSync(lacksPrivilege())).toBe(!isPrivileged());
});

describe('what is decided', () => {
  test('without rootless, and with false, nothing', () => {
    for (const given of [{}, { rootless: false }]) expect(decided({ lower, ...given }).rootless).toBe(false);
  });
  test("'auto': a user namespace when not privileged, else not", () => {
    expect(decided({ lower, rootless: 'auto' }).rootless).toBe(!isPrivileged());
  });
  test('true: always, with userxattr, which the overlay tells of', () => {
    const request = decided({ lower, rootless: true, options: { xino: 'off' } as const });
    expect(request.rootless).toBe(true);
    expect(request.parameters).toEqual([{ key: 'xino', value: 'off' }, { key: 'userxattr' }]);
    expect(request.given.options).toEqual({ xino: 'off', userxattr: true });
    expect(decided({ lower, rootless: true, options: { userxattr: true } }).parameters).toHaveLength(1);
  });
  test("'auto' as an ordinary user has a target refused, and false the mount itself", () => {
    const script = `
      import { mountSync } from 'overlayfs';
      const codeOf = (spec) => { try { mountSync(spec); } catch ({ code }) { return code; } };
      const spec = { lower: '/usr', target: '/nowhere' };
      console.log(JSON.stringify(['auto', false].map((rootless) => codeOf({ ...spec, rootless }))));`;
    expect(printedJson(asNobody(script))).toEqual(['ERR_OVERLAY_NOT_ROOTLESS', 'ERR_OVERLAY_NO_PRIVILEGE']);
  });
  test("'auto' where no call of the new API is, goes by the capabilities", () => {
    const script = `
      import { mountSync } from 'overlayfs';
      try { mountSync({ lower: '/usr', target: '/nowhere', rootless: 'auto' }); } catch ({ code }) { console.log(JSON.stringify(code)); }`;
    const code = printedJson(runFaked(['fsopen=ENOSYS'], script));
    expect(code).toBe(isPrivileged() ? 'ERR_OVERLAY_NOT_FOUND' : 'ERR_OVERLAY_NOT_ROOTLESS');
  });
});

describe('what cannot be had is refused before any mount', () => {
  test.each<[string, MountSpec, string]>([
    ['a target', { lower, target: '/nowhere' }, 'target'],
    ["guard: 'kernel'", { lower, upper, work, guard: 'kernel' }, 'guard'],
    ['userxattr: false', { lower, upper, work, options: { userxattr: false } }, 'userxattr'],
    ['metacopy', { lower, upper, work, options: { metacopy: true } }, 'metacopy'],
    ["redirectDir: 'on'", { lower, upper, work, options: { redirectDir: 'on' } }, 'redirectDir'],
    ["redirectDir: 'follow'", { lower, upper, work, options: { redirectDir: 'follow' } }, 'redirectDir'],
  ])('%s', async (_, spec, option) => {
    const error = await errorOf(() => decided({ ...spec, rootless: true }));
    expect(error).toMatchObject({ code: 'ERR_OVERLAY_NOT_ROOTLESS', option });
    expect(error.message).toMatch(new RegExp(`^${option}: `));
  });
  test('every value that userxattr excludes', async () => {
    const row = OVERLAY_OPTIONS.find(({ name }) => name === 'userxattr')!;
    for (const { other, values } of row.conflicts.filter(({ value }) => value === true)) {
      for (const value of values) {
        const spec = { lower, upper, work, rootless: true, options: { [other]: value } } as MountSpec;
        expect((await errorOf(() => decided(spec))).option).toBe(other);
      }
    }
  });
});

describe('layers that are open', () => {
  test('are named by their path, by whatever way the descriptor is given', () => {
    const scratch = scratchDirectory();
    const path = scratch.directory('with ä, and : in it');
    const fd = openSync(path, 'r');
    try {
      for (const layer of [{ fd }, `/proc/self/fd/${fd}`, `/proc/${process.pid}/fd/${fd}`]) {
        const [one] = decided({ lower: [layer], rootless: true }).lower;
        expect([one!.fd, Buffer.from(one!.absolute as Buffer).toString()]).toEqual([undefined, path]);
      }
      const other = `/proc/1/fd/${fd}`;
      expect(decided({ lower: [other], rootless: true }).lower[0]).toMatchObject({ absolute: other });
    } finally {
      closeSync(fd);
    }
  });
  test('stay descriptors where their path leads elsewhere', () => {
    const scratch = scratchDirectory();
    const fd = openSync(scratch.directory('gone'), 'r');
    try {
      scratch.directory('other');
      renameSync(scratch.join('gone'), scratch.join('moved'));
      renameSync(scratch.join('other'), scratch.join('gone'));
      const [moved] = decided({ lower: [{ fd }], rootless: true }).lower;
      expect(Buffer.from(moved!.absolute as Buffer).toString()).toBe(scratch.join('moved'));
      rmdirSync(scratch.join('moved'));
      expect(decided({ lower: [{ fd }], rootless: true }).lower[0]).toMatchObject({
        fd,
        absolute: undefined,
      });
    } finally {
      closeSync(fd);
    }
  });
  test('a number that is no descriptor is left to the mount', () => {
    expect(decided({ lower: [{ fd: 9999 }], rootless: true }).lower[0]).toMatchObject({ fd: 9999 });
  });
});

test('an upper or work that may not be read, and a place for scratch that may not be searched, are told as such', () => {
  needUserNamespaces();
  const place = scratchDirectory();
  const { lower } = place.layers({ upper: false, work: false });
  const base = place.directory('base');
  chmodSync(base, 0o777);
  const script = `
    import { chmodSync, mkdirSync } from 'node:fs';
    import { mountSync, scratchSync } from 'overlayfs';
    const [lower, base] = process.argv.slice(1);
    const told = (make) => { try { make().unmountSync(); } catch ({ code, option }) { return [code, option]; } };
    const found = [];
    for (const option of ['upper', 'work']) {
      const at = (name) => base + '/' + option + '-' + name;
      for (const name of ['upper', 'work']) mkdirSync(at(name));
      chmodSync(at(option), 0o300);
      found.push(told(() => mountSync({ lower, upper: at('upper'), work: at('work'), rootless: 'auto' })));
    }
    mkdirSync(base + '/disk', { mode: 0o600 });
    found.push(told(() => scratchSync(lower, { upperOn: base + '/disk' })));
    console.log(JSON.stringify(found));`;
  expect(printedJson(asNobody(script, { args: [lower[0]!, base] }))).toEqual([
    ['ERR_OVERLAY_NO_ACCESS', 'upper'],
    ['ERR_OVERLAY_NO_ACCESS', 'work'],
    ['ERR_OVERLAY_NOT_WRITABLE', 'upperOn'],
  ]);
});
