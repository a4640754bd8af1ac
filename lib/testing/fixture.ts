// overlayFixture(): gives each test a fork of a fixture of its own, in the forms in which test runners ask for it.

import { refuse } from '../mount/refuse.ts';
import { scratch } from '../mount/scratch.ts';
import { type FixtureOptions, type FixtureSource, readFixture } from './fixture-spec.ts';
import { type Fork, ScratchFork } from './fork.ts';
import { endWithRunner } from './orphan.ts';
import { ReadyForks } from './ready-forks.ts';

/** The context of a test as node:test has it. */
export interface TestContextWithAfter {
  after(fn: () => Promise<void>): void;
}

/**
 * Gives forks to test runners. The forms, which are told apart by what they are called with:
 *
 * - vitest: `test.extend({ dir: fixture })`, also with `[fixture, { scope: 'file' }]`
 * - vitest's builder: `test.extend('dir', { scope: 'worker' }, fixture)`
 * - node:test: `const dir = await fixture(t)`
 * - any: `const dir = await fixture.fork()`, and `dir.close()` at the end
 */
export interface OverlayFixture extends AsyncDisposable {
  (context: TestContextWithAfter): Promise<Fork>;
  (context: object, use: (fork: Fork) => Promise<void>): Promise<void>;
  (context: object, fixture: { onCleanup: (cleanup: () => Promise<void>) => void }): Promise<Fork>;
  /** Another fork, which whoever asks for it closes. @throws {OverlayError} */
  fork(): Promise<Fork>;
  /** Ends the forks that are made ahead and wait for a test. They go by themselves a few seconds after the last test. */
  close(): Promise<void>;
}

type Words = Readonly<{
  use: unknown;
  onCleanup: ((cleanup: () => Promise<void>) => void) | undefined;
  after: ((fn: () => Promise<void>) => void) | undefined;
}>;

function wordsOf(context: unknown, second: unknown): Words {
  const { onCleanup } = Object(second) as Partial<Words>;
  const { after } = Object(context) as Partial<Words>;
  return {
    use: typeof second === 'function' ? second : undefined,
    onCleanup: typeof onCleanup === 'function' ? onCleanup : undefined,
    after: typeof after === 'function' ? after.bind(context) : undefined,
  };
}

function noContext(): never {
  return refuse(
    'ERR_OVERLAY_INVALID_TYPE',
    { option: 'context' },
    'the fixture was called with nothing that says when the test has ended',
    'pass the context of a test (t of node:test), or make a fork in a before hook by fixture.fork(), and close it in an after hook',
  );
}

async function give(fork: () => Promise<Fork>, { use, onCleanup, after }: Words): Promise<Fork | undefined> {
  if (typeof use === 'function') {
    const made = await fork();
    try {
      await use(made);
    } finally {
      await made.close();
    }
    return undefined;
  }
  const atEnd = onCleanup ?? after ?? noContext();
  const made = fork();
  // Before it is there: a test that has run out of time meanwhile takes no more words.
  atEnd(async () => {
    await (await made.catch(() => undefined))?.close();
  });
  return await made;
}

/**
 * Describes a fixture: a directory, or several (top first), of which each test gets a copy-on-write fork. The fixture
 * itself is never written. Forks are in memory, mounted nowhere, and gone with the process, however it ends.
 *
 * @param source the directories, or a function that says them when the first fork is made
 * @throws {OverlayError} for wrong arguments at once; for a directory that is missing, or no right to make forks, in the test
 */
export function overlayFixture(source: FixtureSource, options: FixtureOptions = {}): OverlayFixture {
  const spec = readFixture(source, options);
  const ready = new ReadyForks((lowers) => scratch(lowers, spec.options), spec.pool);
  const fork = async () => {
    endWithRunner();
    return new ScratchFork(await ready.take(await spec.lowers()));
  };
  const close = () => ready.close();
  async function fixture(): Promise<Fork | undefined> {
    // biome-ignore lint/complexity/noArguments: vitest reads parameters in the text of the function, as names of fixtures
    const [context, second]: unknown[] = Array.from(arguments);
    return await give(fork, wordsOf(context, second));
  }
  return Object.assign(fixture, { fork, close, [Symbol.asyncDispose]: close }) as unknown as OverlayFixture;
}
