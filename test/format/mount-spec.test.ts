// Documented conflicts do not compile: tsc reads this file, and fails where an expected error is missing.

import { expect, test } from 'vitest';
import type { AnyOverlayOptions, MountSpec, OverlayOptions } from '../../lib/format/mount-spec.ts';

const use = (..._options: OverlayOptions[]): void => {};
const flag: boolean = Date.now() > 0;

test('conflicts do not compile', () => {
  // @ts-expect-error metacopy needs redirects
  use({ metacopy: true, redirectDir: 'off' });
  // @ts-expect-error metacopy needs redirects
  use({ metacopy: true, redirectDir: 'nofollow' });
  // @ts-expect-error metacopy needs redirects, followed and made
  use({ metacopy: true, redirectDir: 'follow' });
  // @ts-expect-error userxattr has no redirects
  use({ userxattr: true, redirectDir: 'on' });
  // @ts-expect-error userxattr has no redirects, and 'off' may mean 'follow'
  use({ userxattr: true, redirectDir: 'off' });
  // @ts-expect-error userxattr has no redirects
  use({ userxattr: true, redirectDir: 'follow' });
  // @ts-expect-error userxattr has no metacopy
  use({ userxattr: true, metacopy: true });
  // @ts-expect-error an export needs the index
  use({ nfsExport: true, index: false });
  // @ts-expect-error an export and metacopy exclude each other
  use({ nfsExport: true, metacopy: true });
  // @ts-expect-error volatile is itself a value of fsync
  use({ volatile: true, fsync: 'strict' });
  // @ts-expect-error the third value of fsync is volatile: true
  use({ fsync: 'volatile' });
  // @ts-expect-error no such option
  use({ redirect_dir: 'on' });
  // @ts-expect-error booleans are booleans
  use({ index: 'on' });
});

test('what the kernel takes compiles', () => {
  use(
    {},
    { metacopy: true },
    { metacopy: true, redirectDir: 'on', verity: 'require' },
    { metacopy: false, redirectDir: 'nofollow', verity: 'on' },
    { userxattr: true, redirectDir: 'nofollow', metacopy: false, verity: 'require', nfsExport: true },
    { nfsExport: true, index: true, redirectDir: 'on' },
    { volatile: false, fsync: 'strict' },
    { volatile: true, uuid: 'null', xino: 'auto', defaultPermissions: true, overrideCreds: false },
    { userxattr: flag, volatile: flag, index: flag, nfsExport: false },
    { raw: { future: 'on', word: true } },
  );
  const typed: MountSpec['options'] = { index: true };
  const loose: AnyOverlayOptions | undefined = typed;
  expect(loose).toBe(typed);
});

test('holds types only: nothing of it exists at run time', async () => {
  expect(Object.keys(await import('../../lib/format/mount-spec.ts'))).toEqual([]);
});
