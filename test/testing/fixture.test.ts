// Fixtures in this process: every form in which they are asked for, what is made ahead, and what is refused.
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, describe, expect, test, vi } from 'vitest';
import { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import {
  type FixtureOptions,
  type FixtureSource,
  type Fork,
  overlayFixture,
} from '../../lib/testing/index.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { errorOf } from '../mount/forms.ts';
import { openDescriptors } from '../support/leaks.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { isPrivileged } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { suiteScratchDirectory } from '../support/scratch.ts';
import { eventually } from './suites.ts';

const place = suiteScratchDirectory();
const whole = () => {
  if (!isPrivileged()) needUserNamespaces();
  place.file('whole/file', 'text');
  place.file('whole/dir/inner', 'inner');
  return place.join('whole');
};
/** A descriptor of an overlay shows as its root, `/`; its upper as `/u`. */
const roots = () => openDescriptors().flatMap(({ fd, target }) => (target === '/' ? [fd] : []));
const overlays = () => roots().length;

const [forDir, forOld] = [overlayFixture(whole), overlayFixture(whole)];
const it = test
  .extend('dir', forDir)
  .extend('shared', { scope: 'file' }, overlayFixture(whole, { pool: 0 }))
  .extend<{ old: Fork }>({ old: forOld });

describe('vitest', () => {
  const seen: Fork[] = [];

  // What they have made ahead would go while the tests below count.
  afterAll(async () => {
    for (const fixture of [forDir, forOld]) await fixture.close();
  });

  it.for(['a', 'b', 'c'])(
    '%s has forks of its own, and one that the file shares',
    async (name, { dir, old, shared }) => {
      for (const fork of [dir, old]) {
        expect(readdirSync(fork.path).sort()).toEqual(['dir', 'file']);
        writeFileSync(`${fork}/${name}`, '');
        expect(await fork.changes()).toEqual([{ kind: 'added', path: name, type: 'file', what: [] }]);
      }
      writeFileSync(shared.join(name), '');
      expect((await shared.changes()).map(({ path }) => path)).toEqual(
        ['a', 'b', 'c'].slice(0, seen.length + 1),
      );
      expect(seen.every((fork) => fork !== dir)).toBe(true);
      for (const fork of seen) expect(() => fork.path).toThrow(/has been unmounted/);
      seen.push(dir);
    },
  );
});

test('the context of node:test: the fork ends after the test, also when it failed meanwhile', async () => {
  const fixture = overlayFixture(whole(), { pool: 0 });
  const atEnd: (() => Promise<void>)[] = [];
  const context = { after: (fn: () => Promise<void>) => void atEnd.push(fn) };
  const fork = await fixture(context);
  expect(readFileSync(fork.join('dir', 'inner'), 'utf8')).toBe('inner');
  await atEnd[0]!();
  expect(() => fork.path).toThrow(/has been unmounted/);
  const late = fixture(context);
  // The test has run out of time before its fork is there.
  await atEnd[1]!();
  expect(() => fork.path).toThrow(/has been unmounted/);
  await expect(late.then(({ path }) => path)).rejects.toThrow(/has been unmounted/);
});

test('a fork ends also when the test throws', async () => {
  const fixture = overlayFixture(whole(), { pool: 0 });
  const before = overlays();
  await expect(
    fixture({}, async () => {
      expect(overlays()).toBe(before + 1);
      throw new Error('by the test');
    }),
  ).rejects.toThrow('by the test');
  expect(overlays()).toBe(before);
});

test('a fork asked for without a test, several directories, and keep()', async () => {
  whole();
  place.file('patch/file', 'patched');
  await using fixture = overlayFixture([place.join('patch'), Buffer.from(place.join('whole'))]);
  await using fork = await fixture.fork();
  expect(readFileSync(`${fork}/file`, 'utf8')).toBe('patched');
  writeFileSync(`${fork}/new`, '');
  await fork.keep(place.join('kept'));
  expect(readdirSync(place.join('kept')).sort()).toEqual(['dir', 'file', 'new']);
  await fork.reset();
  expect(readdirSync(fork.path).sort()).toEqual(['dir', 'file']);
});

describe('forks that are made ahead', () => {
  afterEach(() => void vi.useRealTimers());

  test('are as many as asked for, and are closed by close()', async () => {
    const before = overlays();
    const fixture = overlayFixture(whole(), { pool: 3 });
    expect(overlays()).toBe(before);
    const forks = await Promise.all(Array.from({ length: 10 }, () => fixture.fork()));
    expect(new Set(forks.map(({ path }) => path)).size).toBe(10);
    expect(await eventually(() => overlays() === before + 13)).toBe(true);
    await sleep(50);
    expect(overlays()).toBe(before + 13);
    for (const fork of forks) await fork.close();
    await fixture.close();
    expect(overlays()).toBe(before);
    // It can be used further.
    await (await fixture.fork()).close();
    await fixture.close();
  });

  test('go by themselves when no test asks, also under false timers', async () => {
    const before = roots();
    const fixture = overlayFixture(whole(), { pool: 1 });
    vi.useFakeTimers();
    const fork = await fixture.fork();
    vi.useRealTimers();
    const ahead = () => roots().filter((fd) => fd !== fork.fd && !before.includes(fd));
    expect(await eventually(() => ahead().length === 1)).toBe(true);
    expect(await eventually(() => ahead().length === 0)).toBe(true);
    await fork.close();
  });

  test('are not given when the fixture was made anew meanwhile', async () => {
    whole();
    place.file('changing/old');
    await using fixture = overlayFixture(place.join('changing'));
    const first = await fixture.fork();
    await eventually(() => false, 30);
    renameSync(place.join('changing'), place.join('before'));
    place.file('changing/new');
    const second = await fixture.fork();
    expect([readdirSync(first.path), readdirSync(second.path)]).toEqual([['old'], ['new']]);
    rmSync(place.join('changing'), { recursive: true });
    expect(await errorOf(() => fixture.fork())).toMatchObject({
      code: 'ERR_OVERLAY_NOT_FOUND',
      option: 'lower',
      index: 0,
      path: place.join('changing'),
    });
    mkdirSync(place.join('changing'));
    const third = await fixture.fork();
    expect(readdirSync(third.path)).toEqual([]);
    for (const fork of [first, second, third]) await fork.close();
  });

  test('are not given when entries of the fixture came or went: they would seem to have been changed', async () => {
    whole();
    place.file('growing/old');
    await using fixture = overlayFixture(place.join('growing'));
    const first = await fixture.fork();
    await eventually(() => false, 30);
    place.file('growing/new');
    const second = await fixture.fork();
    expect(await second.changes({ times: true })).toEqual([]);
    expect(readdirSync(second.path).sort()).toEqual(['new', 'old']);
    for (const fork of [first, second]) await fork.close();
  });
});

test('a function says once which directory, and is asked again when it fails', async () => {
  whole();
  let asked = 0;
  await using fixture = overlayFixture(async () => {
    asked += 1;
    if (asked === 1) throw new Error('not yet');
    return place.join('whole');
  });
  await expect(fixture.fork()).rejects.toThrow('not yet');
  for (const fork of [await fixture.fork(), await fixture.fork()]) await fork.close();
  expect(asked).toBe(2);
});

test('a relative path is that of when the fixture was described', async () => {
  whole();
  const before = process.cwd();
  if (!('chdir' in process)) return;
  process.chdir(place.path);
  const fixture = overlayFixture('whole', { pool: 0 });
  process.chdir(before);
  const fork = await fixture.fork();
  expect(readdirSync(fork.path).sort()).toEqual(['dir', 'file']);
  await fork.close();
});

test('on disk nothing is made ahead, and nothing stays', async () => {
  const upperOn = place.directory('disk');
  const fixture = overlayFixture(whole(), { upperOn });
  const fork = await fixture.fork();
  writeFileSync(`${fork}/new`, '');
  await sleep(30);
  expect(readdirSync(upperOn)).toHaveLength(1);
  await fork.close();
  expect(readdirSync(upperOn)).toEqual([]);
});

const refused: [string, FixtureSource, object, object][] = [
  ['no directory', undefined as never, {}, { code: 'ERR_OVERLAY_NO_LOWER' }],
  ['a number', 5 as never, {}, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'lower' }],
  ['a tilde', '~/x', {}, { code: 'ERR_OVERLAY_TILDE', option: 'lower' }],
  ['an unknown option', '/', { siez: 1 }, { code: 'ERR_OVERLAY_UNKNOWN_OPTION', option: 'siez' }],
  ['no object', '/', null as never, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'options' }],
  ['a pool of a fraction', '/', { pool: 1.5 }, { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'pool' }],
  ['a pool that is too large', '/', { pool: 65 }, { code: 'ERR_OVERLAY_INVALID_VALUE', option: 'pool' }],
  ['a pool of text', '/', { pool: '2' }, { code: 'ERR_OVERLAY_INVALID_TYPE', option: 'pool' }],
  [
    'a pool on disk',
    '/',
    { pool: 1, upperOn: '/tmp' },
    { code: 'ERR_OVERLAY_OPTION_CONFLICT', option: 'pool' },
  ],
];
test.each(refused)('refused when it is described: %s', (_, source, options, expected) => {
  let error: unknown;
  try {
    overlayFixture(source, options as FixtureOptions);
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(OverlayError);
  expect(error).toMatchObject(expected);
});

test('refused: to be called with what has no end', async () => {
  const fixture = overlayFixture('/tmp');
  expect(await errorOf(() => fixture({} as never))).toMatchObject({
    code: 'ERR_OVERLAY_INVALID_TYPE',
    option: 'context',
  });
});

test('without user namespaces an ordinary user is told so', () => {
  if (!isPrivileged()) missing('only root can forbid user namespaces');
  whole();
  const script = `
    import { overlayFixture } from 'overlayfs/testing';
    const error = await overlayFixture(process.argv[1]).fork().then(() => ({}), (error) => error);
    console.log(JSON.stringify({ code: error.code, hint: error.hint }));`;
  const none =
    'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set -all --inh-caps -all "$@"';
  const under = ['unshare', '--user', '--map-root-user', '--', 'sh', '-c', none, 'sh'];
  const outcome = asNobody(script, { args: [place.join('whole')], under });
  expect(printedJson(outcome)).toMatchObject({
    code: 'ERR_OVERLAY_NAMESPACES_FORBIDDEN',
    hint: expect.stringContaining('user.max_user_namespaces'),
  });
});
