// Layers by any path: odd bytes, long names, and what list() shows of them afterwards.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import { callSync, close } from '../../lib/kernel/call.ts';
import { O_DIRECTORY, O_PATH } from '../../lib/kernel/constants.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { listRoutine } from '../../lib/mount/list.ts';
import { mountSync } from '../../lib/mount/mount.ts';
import { readLayer, readLayers, readTarget } from '../../lib/mount/spec-paths.ts';
import fc from '../support/fast-check.ts';
import { describePrivileged } from '../support/privilege.ts';
import { type Scratch, scratchDirectory } from '../support/scratch.ts';
import { comparable, entryAt, families } from './forms.ts';

const bytes = (...parts: readonly (string | Buffer)[]) =>
  Buffer.concat(parts.map((part) => Buffer.from(part as string)));

const oddNames: readonly (readonly [string, Buffer])[] = [
  ...[':', ',', '\\', '"', "'", '#', '=', '%', '$', ' ', '\t', '\n', '*', '~', '-rf', ';', '&', '|', '`'].map(
    (text) => [JSON.stringify(text), bytes(text)] as const,
  ),
  ['a colon in the middle', bytes('a:b')],
  ['double colons', bytes('a::b::')],
  ['a colon at both ends', bytes(':a:')],
  ['commas and equals signs', bytes('a,upperdir=/etc,b')],
  ['a trailing backslash', bytes('a\\')],
  ['two trailing backslashes', bytes('a\\\\')],
  ['an escaped colon', bytes('a\\:b')],
  ['an escaped comma', bytes('a\\,b')],
  ['octal-like text', bytes('a\\040b\\134')],
  ['the byte 0xff', Buffer.from([0xff])],
  ['half of a UTF-8 character', Buffer.from([0x61, 0xc3])],
  ['all bytes below 0x20', Buffer.from(Array.from({ length: 31 }, (_, i) => i + 1))],
  ['a percent escape', bytes('%2f%00')],
  ['many of them together', bytes(' :,\\"\'#=%$\t\n*\\:', Buffer.from([0xff, 0x80]))],
  ['255 bytes', Buffer.alloc(255, 'x')],
  ['255 bytes of backslashes', Buffer.alloc(255, '\\')],
];

interface Stack {
  lower: Buffer[];
  upper: Buffer;
  work: Buffer;
  target: Buffer;
}

function stackBelow(root: Buffer, name: Buffer): Stack {
  const at = (prefix: string) => bytes(root, '/', prefix, '/', name);
  const stack = { lower: [at('l0'), at('l1')], upper: at('u'), work: at('w'), target: at('m') };
  for (const path of [...stack.lower, stack.upper, stack.work, stack.target])
    mkdirSync(path, { recursive: true });
  stack.lower.forEach((path, i) => {
    writeFileSync(bytes(path, `/from-${i}`), String(i));
  });
  return stack;
}

const shown = (path: Buffer) => {
  const text = path.toString();
  return Buffer.from(text).equals(path) ? text : path;
};

/** The mount works, and list() leads back to every directory. */
function expectWholeMount({ lower, upper, work, target }: Stack, via: 'fsopen' | 'mount'): void {
  const overlay = mountSync({ lower, upper, work, target, via });
  try {
    expect(readdirSync(target).sort()).toEqual(['from-0', 'from-1']);
    writeFileSync(bytes(target, '/new'), '');
    expect(readdirSync(upper)).toEqual(['new']);
    const entry = entryAt(target);
    expect(comparable(entry)).toMatchObject({
      target: shown(target),
      lower: lower.map(shown),
      upper: shown(upper),
      work: shown(work),
      unknown: [],
    });
    const both = (['statmount', 'mountinfo'] as const).map((source) =>
      runSync(listRoutine(source)).find(({ id }) => id === entry!.id),
    );
    expect(both[0]).toEqual(both[1]);
    expect(both[0]).toEqual(entry);
  } finally {
    overlay.unmountSync();
  }
}

describePrivileged('paths', () => {
  describe.each(families)('%s', (via) => {
    test.each(oddNames)('%s', (_, name) => {
      expectWholeMount(stackBelow(bytes(scratchDirectory().path), name), via);
    });

    test('any bytes', () => {
      const name = fc
        .uint8Array({ minLength: 1, maxLength: 20, min: 1 })
        .map((array) => Buffer.from(array))
        .filter((name) => !name.includes(0x2f) && !['.', '..'].includes(name.toString()));
      fc.assert(
        fc.property(name, (name) => {
          using scratch: Scratch = scratchDirectory();
          expectWholeMount(stackBelow(bytes(scratch.path), name), via);
        }),
        { numRuns: 25 },
      );
    });

    test('paths longer than fsconfig takes for a string', () => {
      const root = bytes(scratchDirectory().path, '/', Buffer.alloc(200, 'a'), '/', Buffer.alloc(200, 'b'));
      expectWholeMount(stackBelow(root, bytes('end')), via);
    });

    test('a path just below PATH_MAX', () => {
      const scratch = scratchDirectory();
      let path = bytes(scratch.path);
      while (4090 - path.length > 210) path = bytes(path, '/', Buffer.alloc(200, 'd'));
      path = bytes(path, '/', Buffer.alloc(4095 - path.length - 1, 'e'));
      expect(path).toHaveLength(4095);
      mkdirSync(path, { recursive: true });
      const inside = callSync('openat', -100, path, O_PATH | O_DIRECTORY, 0);
      callSync('mknodat', inside, 'deep', 0o100644, 0);
      close(inside);
      const { upper, work, target } = scratch.layers({ lower: 0 });
      const overlay = mountSync({ lower: path, upper, work, target, via });
      expect(readdirSync(target)).toEqual(['deep']);
      const entry = entryAt(target)!;
      if (via === 'fsopen') expect(entry).toMatchObject({ lower: [path.toString()], unknown: [] });
      else expect(entry.unknown).toMatchObject([{ option: 'lower', index: 0 }]);
      overlay.unmountSync();
    });
  });

  test('an upper and a work just below PATH_MAX too', () => {
    const scratch = scratchDirectory();
    const long = (letter: string) => {
      let path = scratch.join(letter);
      while (4000 - path.length > 210) path += `/${letter.repeat(200)}`;
      return scratch.directory(path.slice(scratch.path.length + 1));
    };
    const { lower, target } = scratch.layers({ upper: false, work: false });
    const [upper, work] = [long('u'), long('w')];
    using overlay = mountSync({ lower, upper, work, target });
    writeFileSync(`${overlay.path}/shared`, 'up');
    expect(readFileSync(`${target}/shared`, 'utf8')).toBe('up');
    expect(entryAt(target)).toMatchObject({ upper, work, unknown: [] });
  });
});

describe('reading them', () => {
  test('keeps text that is absolute, and bytes as they are', () => {
    expect(readLayer('/a\\:b', 'upper')).toEqual({ option: 'upper', path: '/a\\:b', absolute: '/a\\:b' });
    const raw = Buffer.from([0x2f, 0xff]);
    expect(readLayer(raw, 'work')).toEqual({ option: 'work', path: raw, absolute: raw });
    expect(readLayer({ fd: 7 }, 'lower', 3)).toEqual({ option: 'lower', index: 3, fd: 7 });
  });

  test('makes relative ones absolute', () => {
    expect(readTarget('a')?.absolute).toBe(`${process.cwd()}/a`);
    expect(readTarget('~user/a')?.absolute).toBe(`${process.cwd()}/~user/a`);
    expect(readTarget('./~/a')?.absolute).toBe(`${process.cwd()}/./~/a`);
    const odd = Buffer.from([0x61, 0xff]);
    expect(readTarget(odd)?.absolute).toEqual(bytes(process.cwd(), '/', odd));
  });

  test('takes one layer for a list of one, and counts from the top', () => {
    expect(readLayers('/a', 'lower')).toEqual(readLayers(['/a'], 'lower'));
    expect(readLayers(['/a', '/b'], 'data').map(({ index }) => index)).toEqual([0, 1]);
    expect(readLayers(undefined, 'data')).toEqual([]);
    expect(readTarget(undefined)).toBeUndefined();
  });

  test('names a URL as it was given', () => {
    const url = new URL('file:///a%20b');
    expect(readLayer(url, 'upper')).toMatchObject({ path: 'file:///a%20b', absolute: Buffer.from('/a b') });
    const refused = () => readLayer(new URL('file:///a%2Fb'), 'lower', 2);
    expect(refused).toThrow(expect.objectContaining<Partial<OverlayError>>({ option: 'lower', index: 2 }));
  });
});
