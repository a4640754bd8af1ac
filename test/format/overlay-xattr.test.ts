// Names of overlay's attributes, in both namespaces and at every level.

import { expect, test } from 'vitest';
import {
  formatOverlayXattr,
  nameInLayer,
  nameInOverlay,
  OVERLAY_NOTES,
  parseOverlayXattr,
} from '../../lib/format/overlay-xattr.ts';
import fc from '../support/fast-check.ts';

const dialect = fc.constantFrom('trusted' as const, 'user' as const);
const note = fc.oneof(fc.constantFrom(...OVERLAY_NOTES), fc.stringMatching(/^[a-z.]{0,12}$/));

test('a name says its dialect, its level and its note', () => {
  expect(parseOverlayXattr('trusted.overlay.opaque')).toEqual({
    dialect: 'trusted',
    level: 0,
    note: 'opaque',
  });
  expect(parseOverlayXattr('user.overlay.overlay.overlay.redirect')).toEqual({
    dialect: 'user',
    level: 2,
    note: 'redirect',
  });
  expect(formatOverlayXattr({ dialect: 'user', level: 1, note: 'whiteout' })).toBe(
    'user.overlay.overlay.whiteout',
  );
  for (const other of ['user.overlay', 'user.overlays.opaque', 'security.selinux', 'trusted.md5sum', '']) {
    expect(parseOverlayXattr(other)).toBeUndefined();
  }
});

test('what is read is written again', () => {
  fc.assert(
    fc.property(dialect, fc.nat(5), note, (dialect, level, note) => {
      const name = formatOverlayXattr({ dialect, level, note });
      const read = parseOverlayXattr(name)!;
      expect(formatOverlayXattr(read)).toBe(name);
      expect(read.level).toBeGreaterThanOrEqual(level);
    }),
  );
});

test('an overlay hides its own notes, strips one level from others, and leaves the other dialect alone', () => {
  expect(nameInOverlay('trusted.overlay.opaque', 'trusted')).toBeUndefined();
  expect(nameInOverlay('trusted.overlay.overlay.opaque', 'trusted')).toBe('trusted.overlay.opaque');
  expect(nameInOverlay('trusted.overlay.opaque', 'user')).toBe('trusted.overlay.opaque');
  expect(nameInOverlay('user.mime', 'user')).toBe('user.mime');
});

test('what is set in an overlay comes back from it', () => {
  fc.assert(
    fc.property(
      dialect,
      fc.oneof(
        note.map((n) => `user.overlay.${n}`),
        note,
      ),
      (dialect, name) => {
        expect(nameInOverlay(nameInLayer(name, dialect)!, dialect)).toBe(name);
      },
    ),
  );
});

test('a name that would become longer than 255 bytes cannot be kept', () => {
  const longest = `user.overlay.${'x'.repeat(255 - 'user.overlay.overlay.'.length)}`;
  expect(nameInLayer(longest, 'user')).toHaveLength(255);
  expect(nameInLayer(`${longest}x`, 'user')).toBeUndefined();
  expect(nameInLayer(`${longest}x`, 'trusted')).toBe(`${longest}x`);
});
