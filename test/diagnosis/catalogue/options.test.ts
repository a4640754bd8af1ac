// Row I of the catalogue: options that the kernel, or we before it, refuse.
import type { OverlayOptions } from '../../../lib/format/mount-spec.ts';
import { type Condition, holds } from './condition.ts';

function early(id: string, name: string, options: object, code: string, option: string): Condition {
  return {
    id,
    name,
    build: (layers) => [
      { ...layers, options: options as OverlayOptions },
      { code, option, early: true },
    ],
  };
}

function raw(id: string, name: string, options: Record<string, string | true>, option: string): Condition {
  return {
    id,
    name,
    build: (layers) => [
      { ...layers, options: { index: false, raw: options } },
      { code: 'ERR_OVERLAY_OPTION_REFUSED', option },
    ],
  };
}

const CONFLICT = 'ERR_OVERLAY_OPTION_CONFLICT';

holds('options', [
  raw('I01', 'an option that the kernel does not know', { bogus: '1' }, 'bogus'),
  raw(
    'I01-flag',
    'a flag that the kernel does not know, after one it knows',
    { sync: true, bogus: true },
    'bogus',
  ),
  raw('I29', 'an option in capitals', { Index: 'on' }, 'Index'),
  raw('I34', 'context without SELinux', { context: 'system_u:object_r:x_t:s0' }, 'context'),
  early('I02', 'a value of redirectDir', { redirectDir: 'yes' }, 'ERR_OVERLAY_INVALID_VALUE', 'redirectDir'),
  early('I03', 'a number for index', { index: 1 }, 'ERR_OVERLAY_INVALID_TYPE', 'index'),
  early('I06', 'metacopy without redirects', { metacopy: true, redirectDir: 'off' }, CONFLICT, 'metacopy'),
  early('I07', 'metacopy, nofollow', { metacopy: true, redirectDir: 'nofollow' }, CONFLICT, 'metacopy'),
  early('I09', 'userxattr with redirects', { userxattr: true, redirectDir: 'on' }, CONFLICT, 'userxattr'),
  early('I10', 'userxattr with metacopy', { userxattr: true, metacopy: true }, CONFLICT, 'userxattr'),
  early('I30', 'a value of uuid', { uuid: 'bogus' }, 'ERR_OVERLAY_INVALID_VALUE', 'uuid'),
  early('I40', 'a value of fsync', { fsync: 'bogus' }, 'ERR_OVERLAY_INVALID_VALUE', 'fsync'),
  early('I39', 'overrideCreds as text', { overrideCreds: 'on' }, 'ERR_OVERLAY_INVALID_TYPE', 'overrideCreds'),
  early('H05', 'nfsExport without index', { nfsExport: true, index: false }, CONFLICT, 'nfsExport'),
  early('H06', 'nfsExport with metacopy', { nfsExport: true, metacopy: true }, CONFLICT, 'nfsExport'),
]);
