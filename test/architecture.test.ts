// Holds the house: floors, cycles, sizes, the one addon loader, names, opening sentences, tests beside the code.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from './support/built-package.ts';
import * as house from './support/house.ts';

/** Files of lib/ whose behaviour another test holds: file → test. */
const testedBy: Record<string, string> = {
  'lib/mount/identity-list.ts': 'test/mount/live-uppers.test.ts',
  'lib/mount/live-directories.ts': 'test/mount/live-uppers.test.ts',
  'lib/kernel/mount-places.ts': 'test/kernel/mount-table.test.ts',
  'lib/kernel/expected-calls.ts': 'test/kernel/addon.test.ts',
  'lib/run/afterwards.ts': 'test/run/run.test.ts',
  'lib/run/command-line.ts': 'test/run/run.test.ts',
  'lib/run/launch.ts': 'test/run/run.test.ts',
  'lib/run/line.ts': 'test/run/run.test.ts',
  'lib/run/manner.ts': 'test/run/run.test.ts',
  'lib/run/not-started.ts': 'test/run/run.test.ts',
  'lib/run/options.ts': 'test/run/run.test.ts',
  'lib/run/places.ts': 'test/run/run.test.ts',
  'lib/run/plan-start.ts': 'test/run/run.test.ts',
  'lib/run/room-left.ts': 'test/run/run.test.ts',
  'lib/run/running-command.ts': 'test/run/run.test.ts',
  'lib/run/signal-names.ts': 'test/run/run.test.ts',
  'lib/run/stdio.ts': 'test/run/run.test.ts',
  'lib/run/view-changes.ts': 'test/run/run.test.ts',
  'lib/run/views.ts': 'test/run/run.test.ts',
  'lib/run/watched.ts': 'test/run/run.test.ts',
  'lib/cli/pass-signals.ts': 'test/cli/run.test.ts',
  'lib/cli/run-ending.ts': 'test/cli/run.test.ts',
  'lib/diagnosis/explaining.ts': 'test/diagnosis/catalogue/ways.test.ts',
  'lib/format/asked-options.ts': 'test/diagnosis/catalogue/index.test.ts',
  'lib/format/overlay-description.ts': 'test/format/mountinfo.test.ts',
  'lib/kernel/package-root.ts': 'test/package/pack.test.ts',
  'lib/layer/opened-changes.ts': 'test/mount/scratch.test.ts',
  'lib/mount/given-spec.ts': 'test/mount/mount.test.ts',
  'lib/mount/explained-namespace.ts': 'test/mount/perform-rootless.test.ts',
  'lib/mount/root-xattrs.ts': 'test/mount/scratch.test.ts',
  'lib/mount/scratch-in-namespace.ts': 'test/mount/scratch.test.ts',
  'lib/mount/spec-options.ts': 'test/mount/spec.test.ts',
  'lib/mount/upper-root.ts': 'test/run/run.test.ts',
  'lib/cli/question.ts': 'test/cli/run.test.ts',
  'lib/diagnosis/codes/run-codes.ts': 'test/docs/errors.test.ts',
  'lib/layer/stack-reader.ts': 'test/layer/stack.test.ts',
  'lib/layer/look-ahead.ts': 'test/layer/story.test.ts',
  'lib/oci/below.ts': 'test/oci/overlay-form.test.ts',
  'lib/oci/deletions.ts': 'test/oci/overlay-form.test.ts',
  'lib/oci/batch.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/creation.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/file-content.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/decompress.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/zstd.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/dropped.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/entry-attributes.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/existing-tree.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/failure.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/given-bytes.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/layer-stream.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/limits.ts': 'test/oci/hostile.test.ts',
  'lib/oci/staging.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/removal.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/bad-entry.ts': 'test/oci/hostile.test.ts',
  'lib/oci/pack-entry.ts': 'test/oci/pack-layer.test.ts',
  'lib/oci/pack-directory.ts': 'test/oci/pack-layer.test.ts',
  'lib/oci/pack-stack.ts': 'test/oci/pack-layer.test.ts',
  'lib/oci/write-image.ts': 'test/oci/pack-layer.test.ts',
  'lib/oci/layer-tree.ts': 'test/oci/inspect-image.test.ts',
  'lib/oci/merged-tree.ts': 'test/oci/inspect-image.test.ts',
  'lib/oci/waste.ts': 'test/oci/inspect-image.test.ts',
  'lib/oci/tree.ts': 'test/oci/hostile.test.ts',
  'lib/oci/unpack-options.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/unpack-tree.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/unpacking.ts': 'test/oci/unpack-layer.test.ts',
  'lib/oci/blob.ts': 'test/oci/open-image.test.ts',
  'lib/oci/find-image.ts': 'test/oci/open-image.test.ts',
  'lib/oci/image-files.ts': 'test/oci/open-image.test.ts',
  'lib/kernel/dispose-symbols.ts': 'test/testing/runs.test.ts',
  'lib/testing/orphan.ts': 'test/testing/runs.test.ts',
  'lib/testing/change-matchers.ts': 'test/testing/expected-changes.test.ts',
  'lib/testing/fixture-spec.ts': 'test/testing/fixture.test.ts',
  'lib/testing/fork.ts': 'test/testing/fixture.test.ts',
  'lib/testing/ready-forks.ts': 'test/testing/fixture.test.ts',
  'lib/diagnosis/codes/apply-codes.ts': 'test/docs/errors.test.ts',
  'lib/layer/attributes.ts': 'test/change/apply.test.ts',
  'lib/change/vanished.ts': 'test/change/copied-up.test.ts',
  'lib/change/both-views.ts': 'test/change/apply.test.ts',
  'lib/kernel/copy-content.ts': 'test/change/apply.test.ts',
  'lib/change/entry-key.ts': 'test/change/apply.test.ts',
  'lib/change/frames.ts': 'test/change/apply.test.ts',
  'lib/change/journal.ts': 'test/change/apply.test.ts',
  'lib/change/link-groups.ts': 'test/change/apply.test.ts',
  'lib/change/perform.ts': 'test/change/apply.test.ts',
  'lib/change/permission.ts': 'test/change/apply.test.ts',
  'lib/change/plan-apply.ts': 'test/change/apply.test.ts',
  'lib/change/plan-text.ts': 'test/change/apply.test.ts',
  'lib/change/planner.ts': 'test/change/apply.test.ts',
  'lib/change/selection.ts': 'test/change/apply.test.ts',
  'lib/change/stage.ts': 'test/change/apply.test.ts',
  'lib/change/steps.ts': 'test/change/apply.test.ts',
  'lib/change/surroundings.ts': 'test/change/apply.test.ts',
  'lib/change/target.ts': 'test/change/apply.test.ts',
  'lib/change/whole-directories.ts': 'test/change/apply.test.ts',
  'lib/diagnosis/codes/layer-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/image-codes.ts': 'test/docs/errors.test.ts',
  'lib/cli/whole-file.ts': 'test/cli/pack.test.ts',
  'lib/cli/given-image.ts': 'test/cli/unpack.test.ts',
  'lib/cli/store-import.ts': 'test/cli/store.test.ts',
  'lib/cli/layer-text.ts': 'test/cli/which-text.test.ts',
  'lib/cli/stack-source.ts': 'test/cli/which.test.ts',
  'lib/cli/tree-text.ts': 'test/cli/tree.test.ts',
  'lib/diagnosis/codes/store-codes.ts': 'test/docs/errors.test.ts',
  'lib/store/bind.ts': 'test/store/store.test.ts',
  'lib/store/btrfs-driver.ts': 'test/store/store.test.ts',
  'lib/store/btrfs-usage.ts': 'test/store/store.test.ts',
  'lib/store/gate.ts': 'test/store/import.test.ts',
  'lib/store/claim.ts': 'test/store/import.test.ts',
  'lib/store/pack-snapshot.ts': 'test/store/import.test.ts',
  'lib/store/import-image.ts': 'test/store/import.test.ts',
  'lib/kernel/project-quota.ts': 'test/store/limits.test.ts',
  'lib/store/check.ts': 'test/store/trouble.test.ts',
  'lib/store/choose-driver.ts': 'test/store/trouble.test.ts',
  'lib/store/cleanup.ts': 'test/store/trouble.test.ts',
  'lib/store/commit.ts': 'test/store/store.test.ts',
  'lib/layer/changes-source.ts': 'test/change/apply.test.ts',
  'lib/layer/require-proc.ts': 'test/diagnosis/hard-places.test.ts',
  'lib/kernel/path-of.ts': 'test/diagnosis/hard-places.test.ts',
  'lib/oci/given-image.ts': 'test/conformance/wrong-arguments.test.ts',
  'lib/store/data-entry.ts': 'test/store/import.test.ts',
  'lib/store/count.ts': 'test/store/store.test.ts',
  'lib/store/driver.ts': 'test/store/store.test.ts',
  'lib/store/entries.ts': 'test/store/store.test.ts',
  'lib/store/given-filter.ts': 'test/store/store.test.ts',
  'lib/store/given-words.ts': 'test/store/store.test.ts',
  'lib/store/in-use.ts': 'test/store/store.test.ts',
  'lib/store/leftovers.ts': 'test/store/trouble.test.ts',
  'lib/store/read-record.ts': 'test/store/trouble.test.ts',
  'lib/store/remove-aside.ts': 'test/store/trouble.test.ts',
  'lib/store/strays.ts': 'test/store/trouble.test.ts',
  'lib/store/make.ts': 'test/store/store.test.ts',
  'lib/store/mount-description.ts': 'test/store/store.test.ts',
  'lib/store/mount-snapshot.ts': 'test/store/store.test.ts',
  'lib/store/open-store.ts': 'test/store/trouble.test.ts',
  'lib/store/open-place.ts': 'test/store/trouble.test.ts',
  'lib/store/overlay-driver.ts': 'test/store/store.test.ts',
  'lib/store/place.ts': 'test/store/store.test.ts',
  'lib/store/refusal.ts': 'test/store/store.test.ts',
  'lib/store/remove.ts': 'test/store/store.test.ts',
  'lib/store/repair.ts': 'test/store/trouble.test.ts',
  'lib/store/snapshot-changes.ts': 'test/store/store.test.ts',
  'lib/store/store-lock.ts': 'test/store/store.test.ts',
  'lib/store/update.ts': 'test/store/store.test.ts',
  'lib/store/snapshot.ts': 'test/store/store.test.ts',
  'lib/kernel/result-limits.ts': 'test/kernel/program.test.ts',
  'lib/kernel/btrfs/space.ts': 'test/store/store.test.ts',
  'lib/kernel/btrfs/subvolumes.ts': 'test/store/store.test.ts',
  'lib/kernel/btrfs/trees.ts': 'test/store/store.test.ts',
  'lib/mount/attach.ts': 'test/mount/mount.test.ts',
  'lib/mount/claim.ts': 'test/mount/live-uppers.test.ts',
  'lib/mount/claim-rootless.ts': 'test/mount/perform-rootless.test.ts',
  'lib/mount/guarded.ts': 'test/diagnosis/catalogue/guards.test.ts',
  'lib/mount/compat.ts': 'test/mount/ladder.test.ts',
  'lib/mount/climb.ts': 'test/mount/ladder.test.ts',
  'lib/mount/explain-step.ts': 'test/mount/perform.test.ts',
  'lib/mount/end-mount.ts': 'test/mount/unmount.test.ts',
  'lib/mount/detached-uppers.ts': 'test/diagnosis/catalogue/guards.test.ts',
  'lib/mount/findings.ts': 'test/mount/explain.test.ts',
  'lib/mount/fresh-table.ts': 'test/mount/live-uppers.test.ts',
  'lib/mount/plan-guards.ts': 'test/diagnosis/catalogue/guards.test.ts',
  'lib/diagnosis/guard-facts.ts': 'test/diagnosis/catalogue/guards.test.ts',
  'lib/diagnosis/path-walk.ts': 'test/diagnosis/catalogue/ways.test.ts',
  'lib/diagnosis/path-words.ts': 'test/diagnosis/catalogue/ways.test.ts',
  'lib/diagnosis/missing-hint.ts': 'test/diagnosis/catalogue/ways.test.ts',
  'lib/diagnosis/index-content.ts': 'test/diagnosis/catalogue/index.test.ts',
  'lib/diagnosis/twin-facts.ts': 'test/diagnosis/catalogue/index.test.ts',
  'lib/mount/hearing.ts': 'test/diagnosis/kernel-log.test.ts',
  'lib/mount/foothold.ts': 'test/mount/ladder.test.ts',
  'lib/mount/forgotten.ts': 'test/lifetime/forgotten.test.ts',
  'lib/mount/made.ts': 'test/mount/perform.test.ts',
  'lib/mount/make-directories.ts': 'test/mount/perform.test.ts',
  'lib/mount/plan.ts': 'test/mount/perform.test.ts',
  'lib/mount/perform-scratch.ts': 'test/mount/scratch.test.ts',
  'lib/mount/plan-scratch.ts': 'test/mount/scratch.test.ts',
  'lib/mount/depth-rootless.ts': 'test/mount/hard-lowers.test.ts',
  'lib/diagnosis/run-time-permission-rules.ts': 'test/mount/hard-lowers.test.ts',
  'lib/mount/root-attributes.ts': 'test/mount/scratch.test.ts',
  'lib/mount/scratch-on-disk.ts': 'test/mount/scratch.test.ts',
  'lib/mount/scratch-overlay.ts': 'test/mount/scratch.test.ts',
  'lib/mount/scratch-spec.ts': 'test/mount/scratch.test.ts',
  'lib/mount/private-directory.ts': 'test/mount/scratch.test.ts',
  'lib/mount/plan-rootless.ts': 'test/mount/perform-rootless.test.ts',
  'lib/mount/refuse.ts': 'test/mount/spec.test.ts',
  'lib/mount/turn.ts': 'test/mount/mount.test.ts',
  'lib/mount/overlay-at.ts': 'test/mount/unmount.test.ts',
  'lib/mount/work-directory.ts': 'test/mount/unmount.test.ts',
  'lib/diagnosis/codes/codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/argument-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/directory-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/machine-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/danger-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/live-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/codes/run-time-codes.ts': 'test/docs/errors.test.ts',
  'lib/diagnosis/driver-facts.ts': 'test/diagnosis/mount-facts.test.ts',
  'lib/diagnosis/index-facts.ts': 'test/mount/explain-error.test.ts',
  'lib/diagnosis/busy.ts': 'test/mount/unmount.test.ts',
  'lib/diagnosis/directory.ts': 'test/mount/perform.test.ts',
  'lib/diagnosis/mount-failure.ts': 'test/mount/perform.test.ts',
  'lib/diagnosis/namespace-facts.ts': 'test/diagnosis/namespace-failure.test.ts',
  'lib/diagnosis/privilege.ts': 'test/mount/perform.test.ts',
  'lib/diagnosis/program-runners.ts': 'test/mount/explain-error.test.ts',
  'lib/diagnosis/refused-claim.ts': 'test/mount/live-uppers.test.ts',
  'lib/diagnosis/stuck-link.ts': 'test/mount/explain-error.test.ts',
  'lib/diagnosis/subject.ts': 'test/diagnosis/overlay-error.test.ts',
  'lib/diagnosis/unmount-failure.ts': 'test/mount/unmount.test.ts',
  'lib/diagnosis/format-failure.ts': 'test/mount/option-words.test.ts',
  'lib/format/overlay-error.ts': 'test/diagnosis/overlay-error.test.ts',
  'lib/format/format-error.ts': 'test/format/parse-options.test.ts',
  'lib/format/option-error.ts': 'test/mount/spec.test.ts',
  'lib/format/mount-fields.ts': 'test/mount/spec.test.ts',
  'lib/format/option-table.ts': 'test/format/options.test.ts',
  'lib/layer/compare-entry.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/content-comparer.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/double-walk.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/pair-teller.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/tree-failure.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/tree-root.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/caller-dialect.ts': 'test/layer/whiteout.test.ts',
  'lib/layer/given-path.ts': 'test/layer/whiteout.test.ts',
  'lib/layer/layer-directory.ts': 'test/layer/opaque.test.ts',
  'lib/layer/path-failure.ts': 'test/layer/whiteout.test.ts',
  'lib/layer/replace-entry.ts': 'test/layer/whiteout.test.ts',
  'lib/layer/whiteout-refusal.ts': 'test/layer/whiteout.test.ts',
  'lib/kernel/device-number.ts': 'test/mount/keep.test.ts',
  'lib/layer/copied-attributes.ts': 'test/mount/keep.test.ts',
  'lib/layer/copy-tree.ts': 'test/mount/keep.test.ts',
  'lib/layer/change-list.ts': 'test/mount/scratch.test.ts',
  'lib/mount/own-directory.ts': 'test/mount/keep.test.ts',
  'lib/mount/sweep.ts': 'test/diagnosis/descriptor-limit.test.ts',
  'lib/kernel/scanned-entry.ts': 'test/kernel/scan-directory.test.ts',
  'lib/layer/finding.ts': 'test/layer/stack.test.ts',
  'lib/layer/layer.ts': 'test/layer/stack.test.ts',
  'lib/layer/merged-entry.ts': 'test/layer/stack.test.ts',
  'lib/layer/linked-names.ts': 'test/layer/compare-trees.test.ts',
  'lib/layer/merged-listing.ts': 'test/layer/stack.test.ts',
  'lib/layer/plainly.ts': 'test/layer/stack.test.ts',
  'lib/layer/paths.ts': 'test/layer/stack.test.ts',
  'lib/layer/real-entry.ts': 'test/layer/stack.test.ts',
  'lib/layer/search.ts': 'test/layer/stack.test.ts',
  'lib/layer/stack-spec.ts': 'test/layer/stack.test.ts',
  'lib/layer/walk.ts': 'test/layer/stack.test.ts',
  'lib/layer/difference.ts': 'test/layer/changes.test.ts',
  'lib/layer/content.ts': 'test/layer/changes.test.ts',
  'lib/layer/together.ts': 'test/layer/changes.test.ts',
  'lib/layer/change.ts': 'test/layer/changes.test.ts',
  'lib/layer/data-layers.ts': 'test/layer/stack.test.ts',
  'lib/kernel/features/abilities.ts': 'test/kernel/features/directory.test.ts',
  'lib/kernel/features/probe-directory.ts': 'test/kernel/features/directory.test.ts',
  'lib/kernel/features/usability.ts': 'test/kernel/features/directory.test.ts',
  'lib/kernel/features/answer.ts': 'test/kernel/features/features.test.ts',
  'lib/kernel/features/tried-answers.ts': 'test/kernel/features/features.test.ts',
  'lib/kernel/features/dialect.ts': 'test/kernel/features/proving-ground.test.ts',
  'lib/kernel/features/place.ts': 'test/kernel/features/proving-ground.test.ts',
  'lib/kernel/features/trial.ts': 'test/kernel/features/proving-ground.test.ts',
  'lib/kernel/features/namespace-descriptor.ts': 'test/kernel/features/idmapped-lowers.test.ts',
};

const files = readRepository();

test('imports run downwards, between rooms of different floors', () => {
  expect(house.floorProblems(files)).toEqual([]);
});
test('no module imports itself by a detour', () => {
  expect(house.cycleProblems(files)).toEqual([]);
});
test('an index re-exports and does nothing else', () => {
  expect(house.indexProblems(files)).toEqual([]);
});
test('no file of lib/ and native/ is too large', () => {
  const growing = house.sizeWarnings(files);
  if (growing.length > 0) console.warn(`growing large: ${growing.join(', ')}`);
  expect(house.sizeProblems(files)).toEqual([]);
});
test('one file loads the addon', () => {
  expect(house.addonProblems(files)).toEqual([]);
});
test('format/ does no I/O', () => {
  expect(house.formatProblems(files)).toEqual([]);
});
test('no file or folder has the name of a bag', () => {
  expect(house.nameProblems(files)).toEqual([]);
});
test('every file of lib/ and native/ opens with a sentence', () => {
  expect(house.openingProblems(files)).toEqual([]);
});
test('test/ mirrors lib/', () => {
  expect(house.mirrorProblems(files, testedBy)).toEqual([]);
});

/** All files that git knows or would take; without git, all but what is installed or built. */
function readRepository(): house.Files {
  const listing = [
    '-c',
    `safe.directory=${packageRoot.replace(/\/$/, '')}`,
    'ls-files',
    '-z',
    '-co',
    '--exclude-standard',
  ];
  const { status, stdout } = spawnSync('git', listing, { cwd: packageRoot, encoding: 'utf8' });
  const names = status === 0 ? stdout.split('\0').filter((name) => name !== '') : walk('');
  return new Map(names.flatMap((name) => readText(name)));
}

function readText(name: string): [string, string][] {
  try {
    return [[name, readFileSync(join(packageRoot, name), 'utf8')]];
  } catch {
    return []; // tracked, but deleted in this checkout
  }
}

function walk(directory: string): string[] {
  const ignored = new Set(['.git', 'node_modules', 'build', 'dist', 'coverage']);
  return readdirSync(join(packageRoot, directory), { withFileTypes: true })
    .filter(({ name }) => !ignored.has(name))
    .flatMap((entry) =>
      entry.isDirectory() ? walk(join(directory, entry.name)) : join(directory, entry.name),
    );
}

describe('each rule can fail', () => {
  const tree = (entries: Record<string, string>): house.Files => new Map(Object.entries(entries));

  test('floors: upwards, sideways, outwards, nowhere, and out of the house', () => {
    const bad = tree({
      'lib/index.ts': "export { mount } from './mount/mount.ts';\nexport * from './cli/main.ts';",
      'lib/format/a.ts': "import type { Call } from '../kernel/calls.ts';",
      'lib/kernel/calls.ts': "import { a } from '../format/a.ts';\nawait import('../layer/gone.ts');",
      'lib/layer/walk.ts': "import {\n  rule,\n} from '../diagnosis/rules.ts';\nimport '../../bench/run.ts';",
      'lib/diagnosis/rules.ts':
        "// import '../mount/mount.ts'\nimport { a } from '../format/a.ts'; import { b } from './more.ts';",
      'lib/diagnosis/more.ts': '',
      'lib/mount/mount.ts': 'export const text = "a sentence, from \'../cli/main.ts\'";',
      'lib/cli/main.ts': "import { mount } from '../index.ts';",
      'lib/attic/x.ts': '',
      'lib/loose.ts': '',
      'bench/run.ts': '',
    });
    expect(house.floorProblems(bad)).toEqual([
      'lib/index.ts imports lib/cli/main.ts, which is not on a lower floor',
      'lib/format/a.ts imports lib/kernel/calls.ts, which is not on a lower floor',
      'lib/kernel/calls.ts imports lib/layer/gone.ts, which is not there',
      'lib/layer/walk.ts imports lib/diagnosis/rules.ts, which is not on a lower floor',
      'lib/layer/walk.ts imports bench/run.ts from outside lib/',
      'lib/attic/x.ts is in no room of the house',
      'lib/loose.ts is in no room of the house',
    ]);
  });
  test('cycles', () => {
    const bad = tree({
      'lib/format/a.ts': "export { b } from './b.ts'; import { d } from './d.ts';",
      'lib/format/b.ts': "import { c } from './c.ts';",
      'lib/format/c.ts': "import { a } from './a.ts'; import { d } from './d.ts';",
      'lib/format/d.ts': '',
    });
    expect(house.cycleProblems(bad)).toEqual([
      'import cycle: lib/format/a.ts → lib/format/b.ts → lib/format/c.ts → lib/format/a.ts',
    ]);
  });
  test('an index that does something', () => {
    const good =
      "// The door.\nexport { a, type B } from './a.ts';\nexport type { C } from './c.ts';\nexport * as d from './d.ts';\n";
    const bad = tree({ 'lib/index.ts': good, 'lib/mount/index.ts': `${good}console.log(1);\n` });
    expect(house.indexProblems(bad)).toEqual(['lib/mount/index.ts does more than re-export']);
  });
  test('sizes', () => {
    const bad = tree({
      'lib/format/a.ts': 'x\n'.repeat(250),
      'native/b.cc': 'x\n'.repeat(251),
      'test/c.ts': 'x\n'.repeat(999),
      'lib/format/d.ts': 'x\n'.repeat(120),
    });
    expect(house.sizeProblems(bad)).toEqual(['native/b.cc has 251 lines, more than 250']);
    expect(house.sizeWarnings(bad)).toEqual(['lib/format/a.ts (250 lines)']);
  });
  test('addon loaders', () => {
    const bad = tree({
      'lib/mount/sneaky.ts': "require('../../build/Release/overlayfs.node')",
      'lib/mount/deep.ts': 'process.dlopen(module, path)',
    });
    expect(house.addonProblems(bad)).toEqual([
      'lib/mount/sneaky.ts loads an addon',
      'lib/mount/deep.ts loads an addon',
      'lib/kernel/addon.ts does not load the addon',
    ]);
  });
  test('I/O in format/', () => {
    const bad = tree({
      'lib/format/a.ts':
        "import { readFileSync } from 'node:fs';\nimport { x } from 'fs/promises';\nimport { join } from 'node:path';",
      'lib/format/b.ts':
        "// process.env\nconst quote = /['\"]/.test(x);\nconst text = 'console.log';\nconst own = it.process.name;\nprocess.exit(1);",
      'lib/kernel/c.ts': "import 'node:fs';",
    });
    expect(house.formatProblems(bad)).toEqual([
      'lib/format/a.ts imports node:fs',
      'lib/format/a.ts imports fs/promises',
      'lib/format/b.ts uses process',
    ]);
  });
  test('names of bags', () => {
    const names = [
      'lib/util/a.ts',
      'lib/format/path-utils.ts',
      'test/helpers.ts',
      'lib/mount/MountManager.ts',
      'docs/misc.md',
    ];
    const bad = tree(
      Object.fromEntries([...names, 'lib/mount/utility.ts', 'docs/manage.md'].map((name) => [name, ''])),
    );
    expect(house.nameProblems(bad)).toEqual(names.map((name) => `${name}: name it after what it knows`));
  });
  test('openings', () => {
    const bad = tree({
      'lib/cli/main.ts': '#!/usr/bin/env node\n// The command line, one file a command.\n',
      'native/a.h': '/* The calls of the mount\n * family, one function each. */\n',
      'native/b.cc': '#include "a.h"\n// The calls of the mount family.\n',
      'lib/mount/c.ts': '// todo\n',
      'lib/mount/d.ts': '',
    });
    expect(house.openingProblems(bad)).toEqual(
      ['native/b.cc', 'lib/mount/c.ts', 'lib/mount/d.ts'].map(
        (file) => `${file} does not open with a comment sentence`,
      ),
    );
  });
  test('tests that are missing, and a stale map', () => {
    const bad = tree({
      'lib/mount/index.ts': "export * from './plan.ts';",
      'lib/mount/plan.ts': 'export function plan() {}',
      'lib/mount/perform.ts': 'export const perform = 1;',
      'lib/mount/spec.ts':
        "// Types.\nimport type { A } from './a.ts';\nexport interface Spec { const: 1 }\nexport type B =\n  | 'a'\n  | 'b';",
      'lib/cli/main.ts': 'run();\nfunction run() {}',
      'test/mount/perform.test.ts': '',
    });
    expect(house.mirrorProblems(bad, { 'lib/mount/plan.ts': 'test/gone.test.ts' })).toEqual([
      'lib/cli/main.ts has no test/cli/main.test.ts',
      'testedBy names test/gone.test.ts, which is not there',
    ]);
  });
});
