// The setup file of vitest: each test file has a TMPDIR to itself, and fails when it leaves mounts.
import { afterAll, expect } from 'vitest';
import { added } from './leaks.ts';
import { mounts } from './mounts.ts';
import { isPrivileged } from './privilege.ts';
import { makeTemporaryDirectory } from './run-directory.ts';

// What we leave there for a moment, such as a foothold, is looked for by name, and other files make some too.
process.env.TMPDIR = makeTemporaryDirectory();

const shown = () => mounts().map(({ point, type, source }) => `${point} (${type}, ${source})`);

// Nobody else sees the mounts in the namespace of this worker. Who may not mount has none, and leaves nothing in another.
const before = isPrivileged() ? shown() : undefined;

// The first hook of all, and so the last that is called.
afterAll(() => {
  if (before !== undefined) expect(added(before, shown()), 'mounts that this file has left').toEqual([]);
});
