import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { setXattr } from '../support/xattr.ts';
import { overlayfs, overlayfsAsNobody } from './run-program.ts';

function flagsOf() {
  const scratch = scratchDirectory();
  const [lower, upper] = [[scratch.join('l0'), scratch.join('l1')], scratch.join('u')];
  for (const dir of [...lower, upper]) mkdirSync(dir);
  for (const dir of lower) mkdirSync(`${dir}/d`);
  writeFileSync(`${lower[0]}/d/one`, '');
  writeFileSync(`${lower[1]}/d/two\n`, '');
  writeFileSync(`${upper}/z`, '');
  symlinkSync('d/one', `${lower[1]}/link`);
  return { scratch, lower, upper, flags: [...lower.flatMap((dir) => ['--lower', dir]), '--upper', upper] };
}

test('each entry with its layers, names that would move the cursor escaped', () => {
  const { lower, upper, flags } = flagsOf();
  const { status, stdout, stderr } = overlayfs(['tree', ...flags]);
  expect([status, stderr]).toEqual([0, '']);
  expect(stdout.split('\n')).toEqual([
    '.  [upper, lower 0, lower 1]',
    '├── d/  [lower 0, lower 1]',
    '│   ├── one  [lower 0]',
    '│   └── two\\n  [lower 1]',
    '├── link -> d/one  [lower 1]',
    '└── z  [upper]',
    `upper ${upper}`,
    `lower 0 ${lower[0]}`,
    `lower 1 ${lower[1]}`,
    '',
  ]);
  const part = overlayfs(['tree', ...flags, 'd']).stdout.split('\n');
  expect(part.slice(0, 2)).toEqual(['d/  [lower 0, lower 1]', '├── one  [lower 0]']);
});
test('--depth, colours where they are wanted, JSON lines', () => {
  const { flags } = flagsOf();
  expect(overlayfs(['tree', '--depth', '1', ...flags]).stdout).not.toContain('─ one');
  const coloured = overlayfs(['tree', ...flags], { env: { FORCE_COLOR: '1' } }).stdout;
  expect(coloured).toContain('└── \u001b[32mz\u001b[0m  \u001b[2m[upper]\u001b[0m');
  expect(coloured).toContain('├── \u001b[36mone\u001b[0m');
  const lines = overlayfs(['tree', '--json', ...flags])
    .stdout.trimEnd()
    .split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { path: string }).path).sort()).toEqual(
    ['.', 'd', 'd/one', 'd/two\n', 'link', 'z'].sort(),
  );
});
privileged('of a file whose content is elsewhere both layers', () => {
  const scratch = scratchDirectory();
  scratch.file('u/meta');
  scratch.file('l/meta', 'content');
  scratch.file('l/outside');
  scratch.file('data/objects/a', 'content');
  for (const name of ['u/meta', 'l/outside']) setXattr(scratch.join(name), 'trusted.overlay.metacopy', '');
  setXattr(scratch.join('l/outside'), 'trusted.overlay.redirect', '/objects/a');
  const layers = ['--lower', scratch.join('l'), '--upper', scratch.join('u'), '--data', scratch.join('data')];
  expect(
    overlayfs(['tree', ...layers])
      .stdout.split('\n')
      .slice(1, 3),
  ).toEqual([
    '├── meta  [upper, content of lower 0]',
    '└── outside  [lower 0, content /objects/a of a data layer]',
  ]);
});
test('a file, nothing, and a depth that is none', () => {
  const { flags } = flagsOf();
  for (const [words, status, code] of [
    [['z'], 1, 'ERR_OVERLAY_NOT_DIRECTORY'],
    [['no'], 1, 'ERR_OVERLAY_NOT_FOUND'],
    [['--depth', '0'], 2, '--depth must be a number from 1 on, not 0'],
  ] as const)
    expect(overlayfs(['tree', ...flags, ...words])).toMatchObject({
      status,
      stderr: expect.stringContaining(code),
    });
});
test('what cannot be read is told, and the rest shown', () => {
  const { scratch, lower, flags } = flagsOf();
  chmodSync(`${lower[0]}/d`, 0);
  chmodSync(scratch.path, 0o755);
  const program = process.getuid!() === 0 ? overlayfsAsNobody : overlayfs;
  const { status, stdout, stderr } = program(['tree', ...flags]);
  expect(status).toBe(1);
  expect(stdout).toContain('└── z  [upper]');
  expect(stderr).toContain('cannot be searched');
  chmodSync(`${lower[0]}/d`, 0o755);
});
