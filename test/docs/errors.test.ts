// docs/errors.md and docs/mount8.md are what the register and the recorded run make of them; the register has every code.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CODES } from '../../lib/diagnosis/codes/codes.ts';
import { errorsPage } from './errors-page.ts';
import { mount8Page } from './mount8-page.ts';
import { recorded } from './words.ts';

const lib = new URL('../../lib/', import.meta.url).pathname;
const groups = Object.entries(CODES);
const registered = groups.flatMap(([, rows]) => Object.keys(rows));

/** Where each code of the source stands. */
function thrown(): Map<string, string> {
  const files = readdirSync(lib, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.startsWith('diagnosis/codes/'))
    .map((name) => [name, readFileSync(`${lib}${name}`, 'utf8')] as const);
  return new Map(
    files.flatMap(([name, text]) =>
      (text.match(/ERR_(?:OVERLAY|STORE)_[A-Z_]+/g) ?? []).map((code) => [code, name]),
    ),
  );
}

test('every code of the source is in the register, and no other', () => {
  const codes = thrown();
  const missing = [...codes].filter(([code]) => !registered.includes(code));
  const stale = registered.filter((code) => !codes.has(code));
  expect(
    missing.map(([code, file]) => `${code} of lib/${file}: give it a row in lib/diagnosis/codes/`),
  ).toEqual([]);
  expect(stale.map((code) => `${code} is nowhere in lib/: remove its row in lib/diagnosis/codes/`)).toEqual(
    [],
  );
  expect(codes.size).toBeGreaterThan(30);
});
test('every code has one row', () => {
  expect(registered.filter((code, i) => registered.indexOf(code) !== i)).toEqual([]);
});
test('every row says something, and breaks no table', () => {
  const texts = groups.flatMap(([, rows]) => Object.values(rows)).flatMap((row) => Object.values(row));
  expect(texts.filter((text) => text === '' || /[\n|]|\.$/.test(text))).toEqual([]);
});
test('every recorded code is in the register', () => {
  expect(recorded.rows.map(({ code }) => code).filter((code) => !registered.includes(code))).toEqual([]);
});
test('no word is of the machine that recorded it', () => {
  expect(JSON.stringify(recorded)).not.toMatch(/(?<![\w…])\/(?:tmp|home|mnt|work|root|var)\//);
});
// `npm run docs` records anew and writes both pages; `vitest run test/docs -u` writes them from what is recorded.
test('docs/errors.md is current', async () => {
  await expect(errorsPage(CODES, recorded.rows)).toMatchFileSnapshot('../../docs/errors.md');
});
test('docs/mount8.md is current', async () => {
  await expect(mount8Page(recorded)).toMatchFileSnapshot('../../docs/mount8.md');
});
