// Uppers of volatile overlays: what is noted on them, and what is not told of others.
import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { explainSync } from '../../lib/mount/explain.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { unmountSync } from '../../lib/mount/unmount.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { run } from '../support/command.ts';
import { clockGoesOn } from '../support/filesystem-clock.ts';
import { runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../support/scratch.ts';
import { removeXattr, setXattr, xattrsOf } from '../support/xattr.ts';
import { errorOf, ways } from './forms.ts';

const NOTE = 'trusted.overlay.overlayfs.volatile';
const CODE = 'ERR_OVERLAY_DIRTY_UPPER';

const attributes = (path: string) => Object.keys(xattrsOf(`${path}/.`));

// As mount(8) does it.
function use({ lower, upper, work, target }: LayerDirectories, more: string): void {
  const options = `lowerdir=${lower[0]},upperdir=${upper},workdir=${work}${more}`;
  run('mount', '-t', 'overlay', 'overlay', '-o', options, target);
  run('umount', target);
}

function expectToMount(spec: object): void {
  expect(explainSync(spec as never).map(({ code }) => code)).not.toContain(CODE);
  mountSync(spec as never).unmountSync();
}

describePrivileged('an upper of a volatile overlay', () => {
  describe.each(ways)('%s', (_, form, via) => {
    test('is noted as one, until it is trusted', async () => {
      const { lower, upper, target } = scratchDirectory().layers();
      const spec = { lower, upper, via };
      const lost = await form.mount({ ...spec, target, options: { volatile: true } });
      // It may live on.
      await form.end(lost, { lazy: true });
      expect(attributes(upper)).toContain(NOTE);
      expect(await errorOf(() => form.mount(spec))).toMatchObject({
        code: CODE,
        option: 'upper',
        message: expect.stringMatching(/written by a volatile overlay: .*may be incomplete/),
      });
      const trusting = { ...spec, trustVolatile: true };
      // What fails for another reason takes nothing away.
      await errorOf(() => form.mount({ ...trusting, lower: [lower[0]!, lower[0]!] }));
      expect(attributes(upper)).toContain(NOTE);
      const overlay = await form.mount(trusting);
      expect(attributes(overlay.path)).toEqual([]);
      await form.end(overlay);
      expect(attributes(upper)).not.toContain(NOTE);
      await form.end(await form.mount(spec));
    });

    test('is refused without a trace in the work directory', async () => {
      const scratch = scratchDirectory();
      const layers = scratch.layers();
      use(layers, ',volatile');
      const work = scratch.directory('another');
      for (const options of [{}, { volatile: true }, { index: true }] as const) {
        const error = await errorOf(() => form.mount({ ...layers, work, options, via }));
        expect(error).toMatchObject({ code: CODE, hint: expect.stringContaining(layers.work) });
        expect(readdirSync(work)).toEqual([]);
        expect(existsSync(`${layers.target}/shared`)).toBe(false);
      }
    });
  });

  test('is taken when it was unmounted, by whomever, as long as the machine runs', async () => {
    const { lower, upper, work, target } = scratchDirectory().layers();
    const spec = { lower, upper, options: { volatile: true } } as const;
    for (let i = 0; i < 2; i++) mountSync({ ...spec, target }).unmountSync();
    runNode(`import { mountSync } from 'overlayfs'; mountSync(${JSON.stringify({ ...spec, target })});`);
    unmountSync(target);
    expectToMount({ ...spec, work });
    expectToMount({ lower, upper });
    setXattr(upper, NOTE, 'another boot ended');
    expect(await errorOf(() => mountSync({ lower, upper }))).toMatchObject({
      code: CODE,
      message: expect.stringContaining('the machine was started anew'),
    });
  });

  test('whose process was killed is refused', () => {
    const { lower, upper } = scratchDirectory().layers();
    const spec = JSON.stringify({ lower, upper, options: { volatile: true } });
    const script = `
      import { mountSync } from 'overlayfs';
      mountSync(JSON.parse(process.argv[1]));
      process.kill(process.pid, 'SIGKILL');`;
    runNode(script, { args: [spec] });
    expect(() => mountSync({ lower, upper })).toThrow(expect.objectContaining({ code: CODE }));
  });
});

type Near = (layers: LayerDirectories, scratch: Scratch) => object | Promise<object>;

const near: readonly (readonly [string, Near])[] = [
  [
    'an upper that no overlay has used',
    (layers, scratch) => {
      use(layers, ',volatile');
      return { ...layers, upper: scratch.directory('fresh'), work: scratch.directory('another') };
    },
  ],
  [
    'two uppers, of which either may be it',
    (layers, scratch) => {
      const second = { ...layers, upper: scratch.directory('u2'), work: scratch.directory('w2') };
      use(layers, ',volatile');
      use(second, '');
      return { ...second, work: scratch.directory('w3') };
    },
  ],
  [
    'an upper that is younger than the mark',
    async (layers, scratch) => {
      use(layers, ',volatile');
      await clockGoesOn();
      rmSync(layers.upper, { recursive: true });
      mkdirSync(layers.upper);
      use({ ...layers, work: scratch.directory('w2') }, '');
      const { work: _, ...spec } = layers;
      return spec;
    },
  ],
  [
    'the work directory that it was used with since',
    (layers, scratch) => {
      const second = { ...layers, work: scratch.directory('w2') };
      use(second, '');
      use(layers, ',volatile');
      return second;
    },
  ],
  [
    'a name like that of the mark',
    (layers, scratch) => {
      use(layers, '');
      scratch.file('other/work/incompat/volatile');
      return { ...layers, work: scratch.directory('w2') };
    },
  ],
];

describePrivileged('nothing is told', () => {
  test.each(near)('of %s', async (_, build) => {
    const scratch = scratchDirectory();
    const layers = scratch.layers();
    expectToMount(await build(layers, scratch));
  });
});

describe('without root', () => {
  test('it is noted too, and a mark beside is found where only a user namespace leads', () => {
    needUserNamespaces();
    const scratch = scratchDirectory();
    const { lower, upper, work } = scratch.layers({ target: false });
    const spec = { lower, upper, rootless: true } as const;
    mountSync({ ...spec, work, options: { volatile: true } }).unmountSync({ lazy: true });
    const expectRefused = (says: string) => {
      for (const other of [{}, { work: scratch.directory('another') }]) {
        const error = expect.objectContaining({ code: CODE, message: expect.stringContaining(says) });
        expect(() => mountSync({ ...spec, ...other })).toThrow(error);
        expect(explainSync({ ...spec, ...other })[0]).toMatchObject({ code: CODE });
        if (other.work !== undefined) expect(readdirSync(other.work)).toEqual([]);
      }
    };
    expectRefused('was written by a volatile overlay');
    removeXattr(upper, NOTE.replace('trusted', 'user'));
    expectRefused(`left its mark in ${JSON.stringify(work)}`);
    mountSync({ ...spec, trustVolatile: true }).unmountSync();
  });
});
