// What says where directories lie: the chain above one, and comparisons with it.
import { closeSync, mkdirSync, openSync, statSync, symlinkSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { addon } from '../../lib/kernel/addon.ts';
import { AT_FDCWD, STATX_INO } from '../../lib/kernel/constants.ts';
import { identityOf } from '../../lib/kernel/stat.ts';
import { run } from '../support/command.ts';
import { tmpfsMount } from '../support/filesystems.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { native } from './arguments.ts';

const none: Uint8Array = new Uint8Array();
const REFUSED = { errno: 125 };

const identity = (path: string) =>
  identityOf(native('statxSync')(AT_FDCWD, path, 0, STATX_INO) as unknown as Buffer);
const listOf = (...paths: string[]) => Buffer.concat(paths.map(identity));
const pathsOf = (...paths: string[]) => Buffer.from(paths.map((path) => `${path}\0`).join(''));

function opened(path: string): number {
  const fd = openSync(path, 'r');
  onTestFinished(() => closeSync(fd));
  return fd;
}

describe.each([
  ['promise', (name: string, ...args: unknown[]) => native(name)(...args) as Promise<unknown>],
  ['Sync', async (name: string, ...args: unknown[]) => native(`${name}Sync`)(...args)],
] as const)('in the %s form', (_, made) => {
  privileged('ancestors end with the root of the mount, not of what is mounted above', async () => {
    const { path } = tmpfsMount();
    mkdirSync(`${path}/a/b/c`, { recursive: true });
    const chain = await made('ancestors', opened(`${path}/a/b/c`), none);
    expect(chain).toEqual(listOf(`${path}/a/b/c`, `${path}/a/b`, `${path}/a`, path));
  });

  privileged('ancestors are of this mount: a bind mount shows nothing above its root', async () => {
    const scratch = scratchDirectory();
    const inner = scratch.directory('a/b/c');
    run('mount', '--bind', scratch.join('a/b'), scratch.directory('bound'));
    const chain = await made('ancestors', opened(scratch.join('bound/c')), none);
    expect(chain).toEqual(listOf(inner, scratch.join('a/b')));
  });

  test('ancestors stop at what is known, and add to it', async () => {
    const scratch = scratchDirectory();
    const [one, two] = [scratch.directory('x/one'), scratch.directory('x/two/in')];
    const known = (await made('ancestors', opened(one), none)) as Buffer;
    const both = await made('ancestors', opened(two), known);
    expect(both).toEqual(Buffer.concat([known, listOf(two, scratch.join('x/two'))]));
    expect(await made('ancestors', opened(one), known)).toEqual(known);
  });

  privileged('ancestors of a directory deeper than a path can be long', async () => {
    const { path } = tmpfsMount();
    const depth = 2100;
    let fd = native('openatSync')(AT_FDCWD, path, 0o200000, 0) as unknown as number;
    const close = addon.close;
    for (let i = 0; i < depth; i++) {
      native('mkdiratSync')(fd, 'd', 0o755);
      const next = native('openatSync')(fd, 'd', 0o200000, 0) as unknown as number;
      close(fd);
      fd = next;
    }
    const chain = (await made('ancestors', fd, none)) as Buffer;
    close(fd);
    expect(chain.length / 16).toBe(depth + 1);
    expect(chain.subarray(-16)).toEqual(identity(path));
  });

  test('ancestors of no descriptor', async () => {
    expect(await made('ancestors', -1, none)).toMatchObject({ errno: 9, syscall: 'ancestors' });
  });

  test('lists are disjoint or not', async () => {
    const [a, b, c] = [scratchDirectory(), scratchDirectory(), scratchDirectory()].map(({ path }) => path);
    expect(await made('require_disjoint', listOf(a!, b!), listOf(c!))).toBeUndefined();
    expect(await made('require_disjoint', none, listOf(c!))).toBeUndefined();
    expect(await made('require_disjoint', listOf(a!, b!), listOf(c!, b!))).toMatchObject(REFUSED);
  });

  test('paths are outside, or one of the directories, or in one', async () => {
    const scratch = scratchDirectory();
    const around = scratch.directory('around');
    const inside = ['x', 'y/z'].map((name) => scratch.directory(`around/${name}`));
    const beside = Array.from({ length: 5 }, (_, i) => scratch.directory(`beside/${i}/deep`));
    symlinkSync(inside[1]!, scratch.join('beside/link'));
    symlinkSync('0', scratch.join('beside/harmless'));
    const outside = (paths: string[], never = none, list: Uint8Array = listOf(around)) =>
      made('require_outside', pathsOf(...paths), never, list);
    const near = [
      ...beside,
      scratch.join('beside/0'),
      scratch.join('beside/harmless'),
      scratch.path,
      '/nowhere/at/all',
    ];
    expect(await outside(near)).toBeUndefined();
    for (const one of [
      around,
      ...inside,
      scratch.join('beside/link'),
      scratch.join('beside/../around/x'),
      `${around}/`,
    ]) {
      expect(await outside([one]), one).toMatchObject(REFUSED);
      expect(
        await outside([scratch.join('beside/0'), scratch.join('beside/1'), one, ...beside]),
        one,
      ).toMatchObject(REFUSED);
    }
    // Not to be one of these, but in them it may lie.
    expect(await outside(inside, listOf(around), none)).toBeUndefined();
    for (const list of [none, listOf(scratch.join('beside/4'))]) {
      expect(await outside([...inside, around], listOf(around), list)).toMatchObject(REFUSED);
    }
    expect(await made('require_outside', Buffer.from('no end'), none, none)).toMatchObject({ errno: 22 });
  });

  privileged('a mount beside others is followed on its own', async () => {
    const scratch = scratchDirectory();
    const paths = ['one', 'two', 'three'].map((name) => scratch.directory(`flat/${name}`));
    const inner = scratch.directory('around/in');
    run('mount', '--bind', inner, paths[2]!);
    const identities = listOf(scratch.join('around'), inner);
    expect(statSync(paths[2]!).ino).toBe(statSync(inner).ino);
    expect(await made('require_outside', pathsOf(...paths), none, identities)).toMatchObject(REFUSED);
    expect(await made('require_outside', pathsOf(...paths.slice(0, 2)), none, identities)).toBeUndefined();
  });
});
