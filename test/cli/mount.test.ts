import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mountsBelow } from '../support/mounts.ts';
import { printedJson } from '../support/node-process.ts';
import { privileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, overlayfsAsNobody } from './run-program.ts';

privileged('mounts from flags, says nothing, and the mount stays', () => {
  const { lower, upper, work, target } = scratchDirectory().layers({ lower: 2 });
  const layers = lower.flatMap((path) => ['--lower', path]);
  const outcome = overlayfs(['mount', ...layers, '--upper', upper, '--work', work, target]);
  expect(outcome).toMatchObject({ status: 0, stdout: '', stderr: '' });
  expect(readFileSync(`${target}/shared`, 'utf8')).toBe('lower0');
  expect(overlayfs(['umount', target]).status).toBe(0);
});
privileged('--json is the row of the list, and every flag arrives', () => {
  const scratch = scratchDirectory();
  const { lower } = scratch.layers({ upper: false, work: false, target: false });
  const [upper, work, target] = ['u', 'w', 'm'].map((name) => scratch.join(name)) as [string, string, string];
  const words = ['--lower', lower[0]!, '--upper', upper, '--work', work, '--mkdir', '--json', target];
  const flags = ['--read-only', '--nosuid', '--noatime', '--propagation', 'slave', '--source', 'mine'];
  const more = ['--guard', 'kernel', '--via', 'mount', '-o', 'index=on,nodev', '-o', 'noexec'];
  expect(printedJson(overlayfs(['mount', ...flags, ...more, ...words]))).toMatchObject({
    target,
    lower,
    upper,
    work,
    source: 'mine',
    options: { index: true },
    attributes: { readOnly: true, nosuid: true, noatime: true, nodev: true, noexec: true },
  });
  expect(overlayfs(['umount', target]).status).toBe(0);
});
privileged('the work directory that it makes goes with umount', () => {
  const { lower, upper, target } = scratchDirectory().layers({ work: false });
  expect(overlayfs(['mount', '--lower', lower[0]!, '--upper', upper, target]).status).toBe(0);
  const beside = () => readdirSync(`${upper}/..`).filter((name) => name.startsWith('.overlayfs-work-'));
  expect(beside()).toHaveLength(1);
  expect(overlayfs(['umount', target]).status).toBe(0);
  expect(beside()).toEqual([]);
});
privileged('an upper in use is refused, and shared only when asked for', () => {
  const scratch = scratchDirectory();
  const { lower, upper, work, target } = scratch.layers();
  const words = ['mount', '--lower', lower[0]!, '--upper', upper, '--work', work];
  expect(overlayfs([...words, target]).status).toBe(0);
  const second = scratch.directory('second');
  const refused = overlayfs([...words, second]);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toMatch(/^overlayfs: upper .*\n {2}.*\/upper\n {2}\^+\n {2}code: ERR_OVERLAY_/);
  expect(overlayfs([...words, '--share-upper', second]).status).toBe(0);
  expect(overlayfs(['umount', second, target]).status).toBe(0);
});
privileged('a failed mount is 1, with the sentence, the code and the hint', () => {
  const { target, path } = { ...scratchDirectory().layers(), path: '/no/such' };
  const outcome = overlayfs(['mount', '--lower', path, target]);
  expect(outcome).toMatchObject({ status: 1, stdout: '' });
  expect(outcome.stderr).toMatch(
    /^overlayfs: lower.*"\/no\/such".*\n {2}\/no\/such\n {3}\^\^\n {2}code: ERR_OVERLAY_NOT_FOUND\n {2}hint: /,
  );
  const json = overlayfs(['mount', '--json', '--lower', path, target]);
  expect(JSON.parse(json.stderr)).toMatchObject({
    error: { code: 'ERR_OVERLAY_NOT_FOUND', option: 'lower' },
  });
  expect(mountsBelow(target)).toEqual([]);
});
test.each([
  [['mount'], 'TARGET is missing'],
  [['mount', '/m'], 'no layer to read: give --lower DIR'],
  [['mount', '--lower', '/a', '/m', '/n'], '"/n" is one word too many'],
  [['mount', '--lowr', '/a', '/m'], 'there is no flag --lowr; did you mean --lower?'],
  [['mount', '--lower', '/a', '-o', 'lowerdir=/b', '/m'], '--lower and -o both name it; keep one of them'],
  [['mount', '--lower', '/a', '--via', 'fopen', '/m'], '--via cannot be "fopen"; did you mean fsopen?'],
  [
    ['mount', '--lower', '/a', '-o', 'remount', '/m'],
    'remount changes a mount that is there; this makes one',
  ],
])('%j is wrong usage: 2', (args, sentence) => {
  const { status, stdout, stderr } = overlayfs(args);
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: '',
    stderr: `overlayfs mount: ${sentence}\n  hint: see overlayfs mount --help\n`,
  });
});
test('without the right to mount it says so', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  const outcome = overlayfsAsNobody(['mount', '--lower', lower[0]!, target]);
  expect(outcome.status).toBe(1);
  expect(outcome.stderr).toContain('code: ERR_OVERLAY_NO_PRIVILEGE');
  expect(existsSync(`${target}/shared`)).toBe(false);
});
privileged('each guard has its flag', () => {
  const scratch = scratchDirectory();
  const { lower, target } = scratch.layers();
  const [upper, work] = [`${lower[0]}/u`, `${lower[0]}/w`];
  for (const dir of [upper, work, `${work}/work`]) mkdirSync(dir);
  writeFileSync(`${work}/work/mine`, '');
  const words = ['mount', '--lower', lower[0]!, '--upper', upper, '--work', work, target];
  const codes = [[], ['--discard-work'], ['--overlap-layers']].map((flags) => {
    const { status, stderr } = overlayfs([...words, ...flags]);
    return [status, /code: (\S+)/.exec(stderr)?.[1]];
  });
  expect(codes[0]![0]).toBe(1);
  expect(codes[1]).toEqual([1, 'ERR_OVERLAY_UPPER_IN_LOWER']);
  expect(codes[2]).toEqual([1, 'ERR_OVERLAY_WORK_HAS_DATA']);
  expect(overlayfs([...words, '--discard-work', '--overlap-layers'])).toMatchObject({
    status: 0,
    stderr: '',
  });
  overlayfs(['umount', target]);
});
