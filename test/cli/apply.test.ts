import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { callSync } from '../../lib/kernel/call.ts';
import { AT_FDCWD } from '../../lib/kernel/constants.ts';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs } from './run-program.ts';

function layers() {
  const scratch = scratchDirectory();
  const [lower, upper] = [scratch.join('l'), scratch.join('u')];
  for (const name of ['l/gone', 'l/kept', 'l/edited', 'u/edited', 'u/etc/new'])
    scratch.file(name, `${name} of ${name[0] === 'u' ? 'the upper' : 'it'}`);
  return { lower, upper, flags: ['--lower', lower, '--upper', upper] };
}

test('the plan first, and nothing without --yes; patterns', () => {
  const { lower, flags } = layers();
  const plan = overlayfs(['apply', ...flags, '--path', 'ed*', '--path', 'etc']);
  expect(plan).toMatchObject({
    status: 0,
    stdout: 'make etc/\nwrite edited (replaces)\nwrite etc/new\n',
    stderr: 'overlayfs: this is the plan; nothing was done, and --yes does it\n',
  });
  expect(readdirSync(lower).sort()).toEqual(['edited', 'gone', 'kept']);
  const done = overlayfs(['apply', ...flags, '--path', 'ed*', '--yes', '--json']);
  expect(printedJson(done)).toMatchObject({
    to: lower,
    applied: true,
    conflicts: [],
    steps: [{ path: 'edited' }],
  });
  expect(readFileSync(`${lower}/edited`, 'utf8')).toBe('u/edited of the upper');
  expect(readdirSync(lower).sort()).toEqual(['edited', 'gone', 'kept']);
});

test('what has nothing to apply, an empty pattern, and an upper that is to get its own changes are told', () => {
  const { lower, upper, flags } = layers();
  expect(overlayfs(['apply', ...flags, '--path', 'nowhere'])).toMatchObject({
    status: 0,
    stdout: '',
    stderr: 'overlayfs: there is nothing to apply\n',
  });
  expect(overlayfs(['apply', ...flags, '--path', '', '--yes'])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_INVALID_TYPE'),
  });
  for (const words of [
    ['--lower', upper, '--upper', upper],
    [...flags, '--to', upper, '--force'],
  ])
    expect(overlayfs(['apply', ...words, '--yes'])).toMatchObject({
      status: 1,
      stderr: expect.stringContaining(`${upper} is the upper itself`),
    });
  const two = overlayfs(['apply', '--lower', scratchDirectory().path, ...flags]);
  expect(two.stderr).toContain('name the directory that gets them, as --to');
  expect(readdirSync(lower).sort()).toEqual(['edited', 'gone', 'kept']);
});

privileged('conflicts end it with 1, unless forced', () => {
  const { lower, upper, flags } = layers();
  callSync('mknodat', AT_FDCWD, `${upper}/gone`, 0o020000, 0);
  mkdirSync(`${lower}-to/etc/new/deep`, { recursive: true });
  writeFileSync(`${lower}-to/gone`, 'another');
  const words = ['apply', ...flags, '--to', `${lower}-to`, '--yes'];
  const refused = overlayfs(words);
  expect(refused).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(/^overlayfs: there are conflicts/),
  });
  expect(refused.stdout).toMatch(/^CONFLICT .*-to\/gone is not what the overlay had below it$/m);
  expect(readdirSync(`${lower}-to`)).toEqual(['etc', 'gone']);
  expect(overlayfs([...words, '--force'])).toMatchObject({ status: 0, stderr: '' });
  expect(readdirSync(`${lower}-to`)).toEqual(['edited', 'etc']);
  expect(readFileSync(`${lower}-to/etc/new`, 'utf8')).toBe('u/etc/new of the upper');
});

test('--resume, and usages that make no sense', () => {
  const { lower, flags } = layers();
  expect(overlayfs(['apply', '--resume', lower])).toMatchObject({
    status: 0,
    stdout: `${lower}: there was nothing to finish\n`,
  });
  for (const words of [['--resume'], ['--lower', lower], [...flags, lower]])
    expect(overlayfs(['apply', ...words])).toMatchObject({ status: 2 });
});
