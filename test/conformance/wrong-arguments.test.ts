// Every door of the package, called with what is no argument for it: a typed error that names it, and nothing is made.
import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import * as main from '../../lib/index.ts';
import * as layer from '../../lib/layer/index.ts';
import * as oci from '../../lib/oci/index.ts';
import { openStore } from '../../lib/store/index.ts';
import { overlayFixture } from '../../lib/testing/index.ts';
import { suiteScratchDirectory } from '../support/scratch.ts';

const boom = (): never => {
  throw new Error('boom');
};
const hostile = new Proxy({}, { get: boom, ownKeys: boom, has: boom });
const NO_PATHS: readonly unknown[] = [
  ...[null, 0, Number.NaN, true, 10n, Symbol('s'), () => {}, [], {}, new Map(), new ArrayBuffer(1)],
  ...['', 'a\0b', '\ud800', new Uint8Array(0), Buffer.from('a\0'), new URL('http://x/y'), hostile],
  ...[{ fd: -1 }, { fd: '3' }, { fd: 1e10 }, { fd: Number.NaN }],
];
const NO_OBJECTS: readonly unknown[] = [null, 0, 'x', true, 10n, Symbol('s'), [], hostile];
const NO_FLAGS: readonly unknown[] = [null, 0, 1, 'yes', {}, hostile];
const NO_SIGNALS: readonly unknown[] = [null, 0, 'x', {}, new AbortController(), hostile];
const NO_CALLBACKS: readonly unknown[] = [null, 0, 'x', {}, hostile];

type Door = (value: unknown) => unknown;
type Row = readonly [name: string, option: RegExp, values: readonly unknown[], door: Door];

/** explain() does not throw what it finds. */
const failing = (door: (spec: unknown) => unknown): Door =>
  Object.defineProperty(
    async (spec: unknown) => {
      const [first, ...rest] = (await door(spec)) as main.Finding[];
      if (first !== undefined) throw new main.OverlayError([first, ...rest]);
    },
    'name',
    { value: door.name },
  );

function rows(here: ReturnType<typeof suiteScratchDirectory>): Row[] {
  // biome-ignore lint/suspicious/noExplicitAny: what is wrong does not compile
  const a = { ...main, ...layer, ...oci, openStore, overlayFixture } as any;
  const spec = { lower: here.join('l'), upper: here.join('u') };
  const tree = here.join('l');
  const paths = (name: string, option: string, door: Door): Row => [
    name,
    new RegExp(`^${option}$`),
    NO_PATHS,
    door,
  ];
  const flags = (name: string, door: (flag: object) => unknown, ...names: string[]) =>
    names.map(
      (flag): Row => [
        `${name}.${flag}`,
        new RegExp(`^${flag}$`),
        NO_FLAGS,
        (value) => door({ [flag]: value }),
      ],
    );
  const streaming = (name: string, door: (options: object) => unknown): Row[] => [
    [`${name}.signal`, /^signal$/, NO_SIGNALS, (signal) => door({ signal })],
    [`${name}.onProgress`, /^onProgress$/, NO_CALLBACKS, (onProgress) => door({ onProgress })],
  ];
  const options = (name: string, door: Door, what = 'options'): Row[] => [
    [name, new RegExp(`^${what}$`), NO_OBJECTS, door],
    [`${name}, misspelt`, /^optoin$/, [1], (value) => door({ optoin: value })],
    ['a getter that throws', /^options$|^optoin$/, [Object.defineProperty({}, 'optoin', { enumerable: true, get: boom })], door], // biome-ignore format: a row
  ];
  return [
    ...[a.mount, a.mountSync, ...[a.explain, a.explainSync].map(failing)].flatMap((door): Row[] => [
      ...options(`${door.name}(spec)`, door, 'spec'),
      paths(`${door.name}.lower`, 'lower', (lower) => door({ ...spec, lower: [lower] })),
      paths(`${door.name}.upper`, 'upper', (upper) => door({ ...spec, upper })),
      paths(`${door.name}.work`, 'work', (work) => door({ ...spec, work })),
      ...flags(door.name, (flag) => door({ ...spec, ...flag }), 'mkdir', 'shareUpper', 'discardWork'),
    ]),
    ...[a.scratch, a.scratchSync].flatMap((door): Row[] => [
      paths(door.name, 'lower', (lower) => door([lower])),
      ...options(`${door.name}(…, options)`, (given) => door(tree, given)),
      ...flags(door.name, (flag) => door(tree, flag), 'rootless', 'shareLower'),
    ]),
    ...options('run(…, options)', (given) => a.run('true', [], given)),
    [`run.lower`, /^lower$/, [null, 0, {}, hostile], (lower) => a.run('true', [], { at: tree, lower })],
    [`run.killSignal`, /^killSignal$/, [null, 10n, {}, hostile], (killSignal) => a.run('true', [], { killSignal })], // biome-ignore format: a row
    ...[a.planApply, a.apply].flatMap((door): Row[] => [
      ...options(`${door.name}(spec)`, door, '(spec|changes)'),
      ...options(`${door.name}(…, options)`, (given) => door(spec, given)),
      paths(`${door.name}.to`, 'to', (to) => door(spec, { to })),
    ]),
    ...streaming('apply', (given) => a.apply(spec, given)),
    ...flags('apply', (flag) => a.apply(spec, flag), 'force'),
    paths('resumeApply', 'to', a.resumeApply),
    ...[a.unmount, a.unmountSync].flatMap((door) => options(`${door.name}(…, options)`, (given) => door(tree, given))), // biome-ignore format: a row
    ['parseOptions', /^text$/, [null, 0, {}, undefined, hostile], a.parseOptions],
    ['formatOptions', /^spec$/, [null, 0, 'x', undefined, []], a.formatOptions],
    ...[a.whiteout, a.whiteoutSync, a.isWhiteout, a.makeOpaque, a.isOpaque].flatMap((door): Row[] => [
      paths(door.name, 'path|dir', door),
      ...options(`${door.name}(…, options)`, (given) => door(tree, given)),
      ...flags(door.name, (flag) => door(tree, flag), 'userxattr'),
    ]),
    ...options('openStack', a.openStack, 'spec'),
    paths('openStack.lower', 'lower', (lower) => a.openStack({ lower: [lower] })),
    paths('openStack.upper', 'upper', (upper) => a.openStack({ ...spec, upper })),
    paths('compareTrees(before)', 'before', (before) => a.compareTrees(before, tree)),
    paths('compareTrees(…, after)', 'after', (after) => a.compareTrees(tree, after)),
    ...options('compareTrees(…, options)', (given) => a.compareTrees(tree, tree, given)),
    ...streaming('compareTrees', (given) => a.compareTrees(tree, tree, given)),
    ...flags('compareTrees', (flag) => a.compareTrees(tree, tree, flag), 'crossMounts', 'trustMtime'),
    paths('openImage', 'path', a.openImage),
    ...options('openImage(…, options)', (given) => a.openImage(tree, given)),
    [
      'openImage.platform',
      /^platform$/,
      [null, 0, {}, hostile],
      (platform) => a.openImage(tree, { platform }),
    ],
    paths('unpackLayer(source)', 'source', (source) => a.unpackLayer(source, here.join('new'))),
    paths('unpackLayer(…, dir)', 'dir', (dir) => a.unpackLayer(tree, dir)),
    ...options('unpackLayer(…, options)', (given) => a.unpackLayer(tree, here.join('new'), given)),
    ...streaming('unpackLayer', (given) => a.unpackLayer(tree, here.join('new'), given)),
    ...flags('unpackLayer', (flag) => a.unpackLayer(tree, here.join('new'), flag), 'rootless', 'sync'),
    ['unpackLayer.limits', /^limits(\.bytes)?$/, [null, 0, [], { bytes: -1 }, { bytes: '1' }, { bytes: Number.NaN }], (limits) => a.unpackLayer(tree, here.join('new'), { limits })], // biome-ignore format: a row
    ['unpackLayer.diffId', /^diffId$/, [null, '', 'x'], (diffId) => a.unpackLayer(tree, here.join('new'), { diffId })], // biome-ignore format: a row
    [
      'unpackImage',
      /^image$/,
      [null, 0, 'x', {}, hostile],
      (image) => a.unpackImage(image, here.join('new')),
    ],
    paths('packLayer', 'from', a.packLayer),
    ...options('packLayer(…, options)', (given) => a.packLayer(tree, given)),
    ['packLayer.clampTime', /^clampTime$/, [null, 0, new Date(Number.NaN), hostile], (clampTime) => a.packLayer(tree, { clampTime })], // biome-ignore format: a row
    ['writeImage(layers)', /^layers$/, [null, 'x', {}, [null], [{}], hostile], (layers) => a.writeImage(layers, {}, here.join('new'))], // biome-ignore format: a row
    ['writeImage(…, config)', /^config$/, [null, 'x', [], undefined], (config) => a.writeImage([], config, here.join('new'))], // biome-ignore format: a row
    ...options('writeImage(…, options)', (given) => a.writeImage([], {}, here.join('new'), given)),
    paths('openStore', 'root', a.openStore),
    ...options('openStore(…, options)', (given) => a.openStore(here.join('new'), given)),
    ...options('overlayFixture(…, options)', (given) => a.overlayFixture(tree, given)),
  ];
}

const here = suiteScratchDirectory();
for (const name of ['l', 'u']) here.directory(name);

test.each(rows(here).map(([name, ...row]) => [name, row] as const))(
  '%s',
  async (_, [option, values, door]) => {
    for (const value of values) {
      const told = await (async () => await door(value))().then(
        () => undefined,
        (error: unknown) => error,
      );
      const text = typeof value === 'string' ? JSON.stringify(value) : typeof value;
      expect(told, text).toBeInstanceOf(main.OverlayError);
      const { code, hint, option: named } = told as main.OverlayError;
      expect(code, text).toMatch(/^ERR_(OVERLAY|STORE)_/);
      expect(code, text).not.toBe('ERR_OVERLAY_UNEXPLAINED');
      expect(hint, text).not.toBe('');
      expect(named, `${text}: ${(told as Error).message}`).toMatch(option);
    }
    expect(readdirSync(here.path).sort()).toEqual(['l', 'u']);
  },
);
