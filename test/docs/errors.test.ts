// docs/errors.md lists exactly the codes that lib/ throws.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const CODE = /ERR_OVERLAY_[A-Z_]+/g;

function codesIn(files: readonly string[]): Set<string> {
  return new Set(files.flatMap((file) => readFileSync(file, 'utf8').match(CODE) ?? []));
}

test('every code of the source is documented, and no other', () => {
  const root = new URL('../../', import.meta.url).pathname;
  const sources = readdirSync(`${root}lib`, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  );
  const source = codesIn(sources.map((name) => `${root}lib/${name}`));
  const documented = codesIn([`${root}docs/errors.md`]);
  expect([...documented].sort()).toEqual([...source].sort());
  expect(source.size).toBeGreaterThan(30);
});
