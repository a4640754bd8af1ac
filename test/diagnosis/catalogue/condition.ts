// A condition of the catalogue: how to build it, what both families of calls and explain() must say of it.
import { describe, expect } from 'vitest';
import { type Finding, OverlayError, shown } from '../../../lib/diagnosis/overlay-error.ts';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { KernelError } from '../../../lib/kernel/kernel-error.ts';
import { explain, explainSync } from '../../../lib/mount/explain.ts';
import { mountSync } from '../../../lib/mount/mount.ts';
import { errorOf, families, forms } from '../../mount/forms.ts';
import { mountsBelow } from '../../support/mounts.ts';
import { privileged } from '../../support/privilege.ts';
import { type LayerDirectories, type Scratch, scratchDirectory } from '../../support/scratch.ts';
import { canBeTold, expectRecorded, isRecording, recordWords } from './words.ts';

export interface Expected {
  readonly code: string;
  readonly option?: string;
  readonly index?: number;
  /** As the user wrote it. */
  readonly path?: string;
  /** The kernel was never asked: `errno`, `syscall` and `cause` are then absent. */
  readonly early?: true;
}

export interface Condition {
  /** As the catalogue numbers it, and more behind a dash. */
  readonly id: string;
  readonly name: string;
  /** Two lowers, an upper, a work directory and a target are there to start from. */
  build(
    layers: LayerDirectories,
    scratch: Scratch,
  ): readonly [MountSpec, Expected] | Promise<[MountSpec, Expected]>;
  /** An attempt changes it, so that each gets its own. */
  readonly spoils?: true;
  /** The families that can meet it; both unless said. */
  readonly via?: readonly ('fsopen' | 'mount')[];
}

/** What a finding, or an error, must be. */
export function expectFinding(found: Finding, { code, option, index, path }: Expected): void {
  expect(found).toMatchObject({ code, ...(option && { option }), ...(index !== undefined && { index }) });
  expect(found.index).toBe(index);
  expect(found.sentence.length).toBeGreaterThan(10);
  expect(found.hint.length).toBeGreaterThan(5);
  if (path === undefined) return;
  expect(found.path).toBe(path);
  expect(found.sentence).toContain(JSON.stringify(shown(path)).slice(1, -1).slice(0, 60));
}

/** Every condition, as a test: mount() by each family in each form, and explain() in each form. */
export function holds(title: string, conditions: readonly Condition[]): void {
  describe(title, () => {
    for (const condition of conditions) {
      privileged(`${condition.id} ${condition.name}`, () => hold(condition));
    }
  });
}

async function hold(condition: Condition): Promise<void> {
  const { build, spoils, via = families } = condition;
  const scratch = scratchDirectory();
  const once = spoils ? undefined : await build(scratch.layers({ lower: 2 }), scratch);
  const built = async () => {
    if (once !== undefined) return once;
    const another = scratchDirectory();
    return await build(another.layers({ lower: 2 }), another);
  };
  const before = mountsBelow(scratch.path);
  for (const form of forms) {
    for (const family of via) {
      const [spec, expected] = await built();
      const error = await errorOf(() => form.mount({ ...spec, via: family }));
      expectFinding({ ...error.findings[0]! }, expected);
      if (expected.early) expect(error.errno).toBeUndefined();
      else expectCall(error);
    }
  }
  const [spec, expected] = await built();
  expectFinding((await explain(spec))[0]!, expected);
  expectFinding(explainSync(spec)[0]!, expected);
  expect(mountsBelow(scratch.path)).toEqual(before);
  if (!isRecording) {
    if (canBeTold(spec)) expectRecorded(condition, expected.code);
    return;
  }
  const [mistaken] = await built();
  recordWords(condition, mistaken, await errorOf(() => mountSync(mistaken)));
}

function expectCall(error: OverlayError): void {
  expect(error).toBeInstanceOf(OverlayError);
  expect(error.cause).toBeInstanceOf(KernelError);
  expect(error.errno).toBeLessThan(0);
  expect(error.syscall).toMatch(/^[a-z_0-9]+$/);
}
