// A hint that is followed makes the mount succeed.
import { closeSync, mkdirSync, openSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { expect, onTestFinished } from 'vitest';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { explainSync } from '../../../lib/mount/explain.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { run } from '../../support/command.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';

/** What is wrong; what the hint has; what somebody does who follows it, the spec changed or not. */
type Row = readonly [
  name: string,
  spoil: (layers: LayerDirectories, scratch: Scratch) => MountSpec,
  hint: RegExp,
  follow: (spec: MountSpec, scratch: Scratch) => MountSpec,
];

const withoutWork = ({ work: _, ...spec }: MountSpec): MountSpec => spec;
/** The spec, when that has been done. */
const after = (spec: MountSpec, ..._done: unknown[]): MountSpec => spec;
const indexed = { options: { index: true } } as const;

function fixed(path: string): void {
  run('chattr', '+i', path);
  onTestFinished(() => void run('chattr', '-i', path));
}

function used(spec: MountSpec): void {
  mountSync(spec).unmountSync();
}

const rows: readonly Row[] = [
  [
    'a missing target',
    (layers, scratch) => ({ ...layers, target: scratch.join('no') }),
    /mkdir: true/,
    (spec) => ({ ...spec, mkdir: true }),
  ],
  [
    'a slip',
    (layers, scratch) => ({ ...layers, lower: `${scratch.directory('Lower').slice(0, -5)}lower` }),
    /did you mean/,
    (spec, scratch) => ({ ...spec, lower: scratch.join('Lower') }),
  ],
  [
    'two paths in one',
    (layers) => ({ ...layers, lower: layers.lower.join(':') }),
    /an array/,
    (spec) => ({ ...spec, lower: String(spec.lower).split(':') }),
  ],
  [
    'a dangling link',
    (layers, scratch) =>
      after({ ...layers, lower: scratch.join('link') }, symlinkSync('gone', scratch.join('link'))),
    /create what the link names/,
    (spec, scratch) => after(spec, scratch.directory('gone')),
  ],
  [
    'nosymfollow',
    (layers, scratch) => {
      const path = scratch.directory('tmpfs');
      run('mount', '-t', 'tmpfs', '-o', 'nosymfollow', 'test', path);
      mkdirSync(`${path}/real`);
      symlinkSync('real', `${path}/link`);
      return { ...layers, lower: `${path}/link` };
    },
    /name the directory that the link leads to/,
    (spec, scratch) => ({ ...spec, lower: scratch.join('tmpfs/real') }),
  ],
  [
    'a long path',
    (layers) => ({ ...layers, lower: `${layers.lower[0]}${'/.'.repeat(2100)}` }),
    /pass \{ fd \}/,
    (spec, scratch) => {
      const fd = openSync(scratch.join('lower0'), 'r');
      onTestFinished(() => closeSync(fd));
      return { ...spec, lower: { fd } };
    },
  ],
  ['work that is upper', (layers) => ({ ...layers, work: layers.upper }), /leave work out/, withoutWork],
  [
    'work in upper',
    (layers) => after({ ...layers, work: `${layers.upper}/w` }, mkdirSync(`${layers.upper}/w`)),
    /leave work out/,
    withoutWork,
  ],
  [
    'data in work',
    (layers) => after(layers, writeFileSync(`${layers.work}/work`, '')),
    /discardWork: true/,
    (spec) => ({ ...spec, discardWork: true }),
  ],
  [
    'an immutable work',
    (layers) => after(layers, fixed(layers.work)),
    /chattr -i/,
    (spec) => after(spec, run('chattr', '-i', spec.work as string)),
  ],
  [
    'an unknown option',
    (layers) => ({ ...layers, options: { raw: { bogus: true } } }),
    /leave it out/,
    ({ options: _, ...spec }) => spec,
  ],
  [
    'an attribute as an option',
    (layers) => ({ ...layers, options: { raw: { noatime: true } } }),
    /attributes: \{ noatime: true \}/,
    ({ options: _, ...spec }) => ({ ...spec, attributes: { noatime: true } }),
  ],
  [
    'a foreign index entry',
    (layers) =>
      after(
        { ...layers, ...indexed },
        mkdirSync(`${layers.work}/index`),
        writeFileSync(`${layers.work}/index/mine`, ''),
      ),
    /remove that entry/,
    (spec) => after(spec, unlinkSync(`${spec.work}/index/mine`)),
  ],
  [
    'a file as index',
    (layers) => after({ ...layers, ...indexed }, writeFileSync(`${layers.work}/index`, '')),
    /remove or rename/,
    (spec) => after(spec, rmSync(`${spec.work}/index`)),
  ],
  [
    'an immutable upper',
    (layers) => after({ ...layers, ...indexed }, fixed(layers.upper)),
    /chattr -ia/,
    (spec) => after(spec, run('chattr', '-ia', spec.upper as string)),
  ],
  [
    'another lower',
    (layers) =>
      after(
        { ...layers, ...indexed, lower: layers.lower[1]! },
        used({ ...layers, ...indexed, lower: layers.lower[0]! }),
      ),
    /changeLower: true/,
    (spec) => ({ ...spec, changeLower: true }),
  ],
  [
    'a volatile leftover',
    (layers) => after(layers, used({ ...layers, options: { volatile: true } })),
    /trustVolatile: true/,
    (spec) => ({ ...spec, trustVolatile: true }),
  ],
  [
    'a lower twice',
    (layers) => ({ ...layers, lower: [layers.lower[0]!, layers.lower[0]!] }),
    /once/,
    (spec, scratch) => ({ ...spec, lower: scratch.join('lower0') }),
  ],
  [
    'an unbindable mount',
    (layers, scratch) => {
      const path = scratch.directory('tmpfs');
      run('mount', '-t', 'tmpfs', 'test', path);
      run('mount', '--make-unbindable', path);
      return { ...layers, lower: path };
    },
    /mount --make-private/,
    (spec) => after(spec, run('mount', '--make-private', spec.lower as string)),
  ],
];

for (const [name, spoil, hint, follow] of rows) {
  privileged(`followed: ${name}`, () => {
    const scratch = scratchDirectory();
    const spec = spoil(scratch.layers({ lower: 2 }), scratch);
    expect(() => mountSync(spec)).toThrow(expect.objectContaining({ hint: expect.stringMatching(hint) }));
    expect(explainSync(spec)[0]!.hint).toMatch(hint);
    used(follow(spec, scratch));
  });
}
