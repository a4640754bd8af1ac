// explain(): nothing to say of an ordinary mount, and a word on each danger that the kernel lets pass.
import { closeSync, mkdirSync, openSync, rmdirSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { MountSpec } from '../../lib/format/mount-spec.ts';
import { explain, explainSync } from '../../lib/mount/explain.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { run } from '../support/command.ts';
import { runFaked } from '../support/fake-errno.ts';
import { loopFilesystem, tmpfsMount } from '../support/filesystems.ts';
import { mountsBelow } from '../support/mounts.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../support/scratch.ts';

async function both(spec: MountSpec): Promise<string[]> {
  const findings = await explain(spec);
  expect(explainSync(spec)).toEqual(findings);
  for (const { sentence, hint } of findings) expect([sentence, hint]).not.toContain('');
  return findings.map(({ code, option }) => `${code.replace('ERR_OVERLAY_', '')} ${option}`);
}

function pair(path: string): { upper: string; work: string } {
  for (const name of ['u', 'w']) mkdirSync(`${path}/${name}`);
  return { upper: `${path}/u`, work: `${path}/w` };
}

describe('nothing to say', () => {
  const ordinary: [string, (layers: LayerDirectories, scratch: Scratch) => MountSpec][] = [
    ['a writable overlay', (layers) => layers],
    ['a view of one lower', ({ lower }) => ({ lower: lower[0]! })],
    ['a view of two, attached', ({ lower, target }) => ({ lower, target })],
    ['work left out', ({ lower, upper, target }) => ({ lower, upper, target })],
    [
      'directories to be made',
      (layers, scratch) => ({ ...layers, target: scratch.join('new'), mkdir: true }),
    ],
    ['a target over its own lower', (layers) => ({ ...layers, target: layers.lower[0]! })],
    ['options', (layers) => ({ ...layers, options: { index: true, metacopy: true, xino: 'auto' } })],
    ['layers as descriptors are not needed', (layers) => ({ ...layers, via: 'mount' })],
  ];
  for (const [name, spec] of ordinary) {
    privileged(name, async () => {
      const scratch = scratchDirectory();
      expect(await both(spec(scratch.layers({ lower: 2 }), scratch))).toEqual([]);
      expect(mountsBelow(scratch.path)).toEqual([]);
    });
  }
  privileged('an upper and work that were used before', async () => {
    const layers = scratchDirectory().layers({ lower: 2 });
    for (const options of [{}, { index: true }] as const) {
      const overlay = mountSync({ ...layers, options });
      writeFileSync(`${layers.target}/shared`, 'changed');
      overlay.unmountSync();
      expect(await both({ ...layers, options })).toEqual([]);
    }
  });
  for (const kind of ['ext4', 'xfs', 'btrfs'] as const) {
    privileged(`upper on ${kind}`, async () => {
      const scratch = scratchDirectory();
      const layers = scratch.layers();
      expect(await both({ ...layers, ...pair(loopFilesystem(kind, { scratch }).path) })).toEqual([]);
    });
  }
  privileged('upper on tmpfs, with userxattr', async () => {
    const scratch = scratchDirectory();
    const places = pair(tmpfsMount({ scratch }).path);
    const spec = { ...scratch.layers(), ...places, options: { userxattr: true } } as const;
    expect(await both(spec)).toEqual([]);
  });
});

test('says what is wrong with a spec', () => {
  expect(explainSync({ lower: [] })[0]).toMatchObject({ code: 'ERR_OVERLAY_NO_LOWER', option: 'lower' });
});

describe('dangers', () => {
  type Danger = [id: string, expected: string, (layers: LayerDirectories, scratch: Scratch) => MountSpec];
  const dangers: Danger[] = [
    [
      '3.1 data in work/work',
      'WORK_HAS_DATA work',
      (layers, scratch) => {
        scratch.file('work/work/precious');
        return layers;
      },
    ],
    [
      '3.5 work in another subvolume',
      'WORK_ON_OTHER_SUBVOLUME work',
      (layers, scratch) => {
        const { path } = loopFilesystem('btrfs', { scratch });
        run('btrfs', 'subvolume', 'create', `${path}/other`);
        const { upper } = pair(path);
        mkdirSync(`${path}/other/w`);
        return { ...layers, upper, work: `${path}/other/w` };
      },
    ],
    [
      '3.5 work in another project',
      'WORK_IN_OTHER_PROJECT work',
      (layers, scratch) => {
        const places = pair(loopFilesystem('xfs', { scratch }).path);
        run('chattr', '-p', '5', '+P', places.upper);
        return { ...layers, ...places };
      },
    ],
    [
      '3.5 work left out, which will be in another project',
      'WORK_IN_OTHER_PROJECT upper',
      ({ lower, target }, scratch) => {
        const { upper } = pair(loopFilesystem('xfs', { scratch }).path);
        run('chattr', '-p', '5', '+P', upper);
        return { lower, upper, target };
      },
    ],
    [
      '3.24 upper and work exchanged',
      'UPPER_IS_OLD_WORK upper',
      (layers) => {
        const overlay = mountSync(layers);
        writeFileSync(`${layers.target}/new`, '');
        overlay.unmountSync();
        return { ...layers, upper: layers.work, work: layers.upper };
      },
    ],
    [
      '3.7 the other dialect',
      'OTHER_DIALECT upper',
      (layers) => {
        mountSync(layers).unmountSync();
        return { ...layers, options: { userxattr: true } };
      },
    ],
    [
      '3.9 no attributes',
      'NO_ATTRIBUTES upper',
      (layers, scratch) => ({ ...layers, ...pair(tmpfsMount({ type: 'ramfs', scratch }).path) }),
    ],
    [
      '3.14 a mount in a lower',
      'MOUNTS_HIDDEN lower',
      (layers) => {
        run('mount', '-t', 'tmpfs', 'test', `${layers.lower[0]}/dir`);
        return layers;
      },
    ],
    [
      '3.15 a noexec lower',
      'NOEXEC_LOST lower',
      (layers, scratch) => {
        const lower = scratch.directory('noexec');
        run('mount', '-t', 'tmpfs', '-o', 'noexec', 'test', lower);
        return { ...layers, lower };
      },
    ],
    [
      'K01 a target with content',
      'TARGET_NOT_EMPTY target',
      (layers, scratch) => {
        scratch.file('target/x');
        return layers;
      },
    ],
    [
      'K02 a target that is an overlay',
      'TARGET_IS_OVERLAY target',
      ({ lower, target }, scratch) => {
        mountSync({ lower: [scratch.directory('a'), scratch.directory('b')], target });
        return { lower, target };
      },
    ],
    [
      'E13 the target is the upper',
      'TARGET_IN_LAYER target',
      (layers) => ({ ...layers, target: layers.upper }),
    ],
    [
      'E12 the target lies in a lower',
      'TARGET_IN_LAYER target',
      (layers) => ({ ...layers, target: `${layers.lower[0]}/dir` }),
    ],
    [
      'E02 upper in a lower',
      'UPPER_IN_LOWER upper',
      (layers) => {
        mkdirSync(`${layers.lower[0]}/up`);
        return { ...layers, upper: `${layers.lower[0]}/up` };
      },
    ],
    [
      'E10 work in a lower',
      'UPPER_IN_LOWER work',
      (layers) => {
        mkdirSync(`${layers.lower[0]}/wk`);
        return { ...layers, work: `${layers.lower[0]}/wk` };
      },
    ],
    [
      'F28 a full filesystem',
      'BECAME_READ_ONLY work',
      (layers, scratch) => {
        const { path } = tmpfsMount({ inodes: 3, scratch });
        return { ...layers, ...pair(path) };
      },
    ],
  ];
  for (const [id, expected, spec] of dangers) {
    privileged(id, async () => {
      const scratch = scratchDirectory();
      expect(await both(spec(scratch.layers({ lower: 1 }), scratch))).toEqual([expected]);
    });
  }

  privileged('F36 a removed lower', async () => {
    const { target, lower } = scratchDirectory().layers();
    mkdirSync(`${lower[0]}/gone`);
    const fd = openSync(`${lower[0]}/gone`, 'r');
    rmdirSync(`${lower[0]}/gone`);
    expect(await both({ lower: { fd }, target })).toEqual(['LAYER_REMOVED lower']);
    closeSync(fd);
  });
});

test('as an ordinary user: nothing of a mount without root that works, and what another lacks', () => {
  needUserNamespaces();
  const script = `
    import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
    import { tmpdir } from 'node:os';
    import { explain, explainSync, mountSync } from 'overlayfs';
    const base = mkdtempSync(tmpdir() + '/overlayfs-test-');
    for (const name of ['lower', 'upper', 'lower/in']) mkdirSync(base + '/' + name);
    const spec = { lower: base + '/lower', upper: base + '/upper', rootless: 'auto' };
    const codes = async (more) => {
      const found = [await explain({ ...spec, ...more }), explainSync({ ...spec, ...more })];
      return found.map((findings) => findings.map(({ code, option }) => code.slice(12) + ' ' + option).join());
    };
    const said = { works: await codes({}), not: await codes({ rootless: false }) };
    said.target = await codes({ target: base });
    said.inside = await codes({ upper: base + '/lower/in' });
    const overlay = mountSync(spec);
    said.used = await codes({});
    overlay.unmountSync();
    rmSync(base, { recursive: true });
    console.log(JSON.stringify(said));`;
  expect(printedJson(asNobody(script))).toEqual({
    works: ['', ''],
    not: ['NO_PRIVILEGE undefined', 'NO_PRIVILEGE undefined'],
    target: ['NOT_ROOTLESS target', 'NOT_ROOTLESS target'],
    inside: ['UPPER_IN_LOWER upper', 'UPPER_IN_LOWER upper'],
    used: ['IN_USE upper', 'IN_USE upper'],
  });
});

test('where there is no user namespace to be had, that is found', () => {
  const script = `
    import { explainSync } from 'overlayfs';
    console.log(JSON.stringify(explainSync({ lower: '/usr', rootless: true }).map(({ option }) => option)));`;
  expect(printedJson(runFaked(['unshare=EPERM'], script))).toEqual(['rootless']);
});
