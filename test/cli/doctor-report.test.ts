import { expect, test } from 'vitest';
import { reportText } from '../../lib/cli/doctor-report.ts';
import { TRIED } from '../../lib/cli/verdict.ts';
import { type Features, features } from '../../lib/index.ts';
import { needPrivilege } from '../support/privilege.ts';

const plain = { paint: (text: string) => text };

test('every answer that was tried has a row, and a shared remedy one line', async () => {
  needPrivilege();
  const found = await features('/');
  const no = { available: false, reason: 'why not', remedy: 'do this' } as const;
  const lines = reportText({ ...found, index: no, metacopy: no }, '/', plain);
  expect(lines[0]).toBe('This process can mount overlays.');
  expect(lines.filter((line) => /^ {2}(yes|no |\? {2}) {2}/.test(line)).length).toBeGreaterThanOrEqual(
    TRIED.length,
  );
  const at = lines.findIndex((line) => line.startsWith('  no   index'));
  expect(lines[at + 1]).toMatch(/^ {2}no {3}metacopy +why not$/);
  expect(lines[at + 2]).toBe('       → do this');
  expect(lines).toContain('The directory /');
});
test('where nothing can be mounted one row speaks for all', async () => {
  const found = await features();
  const no = { available: false, reason: 'EPERM', remedy: 'ask root' } as const;
  const barred = {
    ...found,
    ...Object.fromEntries(TRIED.map((name) => [name, no])),
    userNamespaces: { ...no, settings: {} },
    rootless: no,
    systemCalls: { ...found.systemCalls, fsopen: no },
  } as Features;
  const lines = reportText(barred, '', plain);
  expect(lines.slice(0, 3)).toEqual(['This process cannot mount overlays.', '  why: EPERM', '  → ask root']);
  expect(lines.filter((line) => line.includes('all of them'))).toHaveLength(2);
  expect(lines.some((line) => line.startsWith('  no   fsopen'))).toBe(true);
});
