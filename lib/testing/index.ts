// What the package gives as overlayfs/testing: for each test a fork of a fixture of its own, and words for what became of it.
export type { Change, ChangedWhat, EntryPath, EntryType } from '../layer/index.ts';
export { assertChanges, type ChangeMatchers, overlayMatchers } from './change-matchers.ts';
export type { ExpectedChange } from './expected-changes.ts';
export { type OverlayFixture, overlayFixture, type TestContextWithAfter } from './fixture.ts';
export type { FixtureOptions, FixtureSource } from './fixture-spec.ts';
export type { Fork } from './fork.ts';
export type { ForkChangeOptions } from './fork-changes.ts';
