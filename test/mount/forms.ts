// The two forms of every function and the two families of system calls, so that one table of tests runs over them all.
import { expect } from 'vitest';
import { OverlayError } from '../../lib/diagnosis/overlay-error.ts';
import type { MountSpec, PathLike, UnmountOptions } from '../../lib/format/mount-spec.ts';
import { list, listSync, type OverlayMount } from '../../lib/mount/list.ts';
import { mount, mountSync } from '../../lib/mount/mount.ts';
import type { Overlay } from '../../lib/mount/overlay.ts';
import { unmount, unmountSync } from '../../lib/mount/unmount.ts';

export interface Form {
  readonly name: 'promise' | 'sync';
  mount(spec: MountSpec): Promise<Overlay>;
  attach(overlay: Overlay, target: PathLike): Promise<void>;
  end(overlay: Overlay, options?: UnmountOptions): Promise<void>;
  unmount(target: PathLike, options?: UnmountOptions): Promise<void>;
  list(): Promise<OverlayMount[]>;
}

const promise: Form = {
  name: 'promise',
  mount,
  attach: (overlay, target) => overlay.attach(target),
  end: (overlay, options) => overlay.unmount(options),
  unmount,
  list,
};

// Async, so that what the Sync functions throw is caught like a rejection.
const sync: Form = {
  name: 'sync',
  mount: async (spec) => mountSync(spec),
  attach: async (overlay, target) => overlay.attachSync(target),
  end: async (overlay, options) => overlay.unmountSync(options),
  unmount: async (target, options) => unmountSync(target, options),
  list: async () => listSync(),
};

export const forms: readonly Form[] = [promise, sync];

export const families = ['fsopen', 'mount'] as const;

/** Both forms over both families: `[name, form, via]`. */
export const ways: readonly (readonly [string, Form, 'fsopen' | 'mount'])[] = forms.flatMap((form) =>
  families.map((via) => [`${form.name}, ${via}`, form, via] as const),
);

/** The error that the attempt must end with. */
export async function errorOf(attempt: () => unknown): Promise<OverlayError> {
  let result: unknown;
  try {
    result = await attempt();
  } catch (error) {
    expect(error).toBeInstanceOf(OverlayError);
    expect((error as OverlayError).findings[0]).toMatchObject({
      code: (error as OverlayError).code,
      sentence: (error as OverlayError).message,
      hint: (error as OverlayError).hint,
    });
    return error as OverlayError;
  }
  // What should have failed must not stay mounted.
  await (result as Overlay | undefined)?.unmount?.();
  throw new Error('the attempt succeeded');
}

/** What list() says of the mount at a target. */
export function entryAt(target: string | Buffer): OverlayMount | undefined {
  const wanted = Buffer.from(target);
  return listSync().findLast((entry) => Buffer.from(entry.target as string).equals(wanted));
}

/** The same without what is new with every mount. */
export function comparable(entry: OverlayMount | undefined): object {
  const { id, parentId, ...rest } = entry!;
  expect([id, parentId]).toEqual([expect.any(Number), expect.any(Number)]);
  return rest;
}
