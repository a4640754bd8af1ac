import { describe, expect, test } from 'vitest';
import { kernels, runFaked } from './fake-errno.ts';
import { privileged } from './privilege.ts';
import { scratchDirectory } from './scratch.ts';

/** Prints what each of several fsync(2) and statfs(2) calls came to. */
const script = `
  import { closeSync, fsyncSync, openSync, statfsSync } from 'node:fs';
  const said = [];
  const attempt = (call) => { try { call(); said.push('ok'); } catch (error) { said.push(error.code); } };
  const fd = openSync(process.argv[1], 'w');
  for (let i = 0; i < 3; i++) attempt(() => fsyncSync(fd));
  attempt(() => statfsSync('/'));
  attempt(() => statfsSync('/proc'));
  console.log(said.join(' '));
`;

describe('runFaked', () => {
  const said = (rules: readonly string[], uid?: number): string => {
    const scratch = scratchDirectory();
    const file = uid === undefined ? scratch.join('file') : '/dev/null';
    const { stdout, stderr } = runFaked(rules, script, { args: [file], ...(uid !== undefined && { uid }) });
    return stdout.trim() || stderr;
  };

  test('leaves other calls alone', () => {
    expect(said(['fsopen=ENOSYS'])).toBe('ok ok ok ok ok');
  });
  test('fails every call of a name', () => {
    expect(said(['fsync=ENOSPC', 'statfs=EACCES'])).toBe('ENOSPC ENOSPC ENOSPC EACCES EACCES');
  });
  test('pretends success when the errno is 0', () => {
    expect(said(['fsync=0', 'statfs=0'])).toBe('ok ok ok ok ok');
  });
  test('fails calls with a string argument', () => {
    expect(said(['statfs:/proc=ENOENT'])).toBe('ok ok ok ok ENOENT');
  });
  test('fails the call of a number', () => {
    expect(said(['fsync#2=EIO'])).toBe('ok EIO ok ok ok');
  });
  test('fails the call of a number and all later ones', () => {
    expect(said(['fsync#2+=EIO'])).toBe('ok EIO EIO ok ok');
  });
  test('counts only the calls that fit the other conditions', () => {
    expect(said(['statfs:/proc#1=EIO', 'statfs:/#2=EIO'])).toBe('ok ok ok ok EIO');
  });
  test('fails calls by the value of an argument', () => {
    expect(said(['fsync@0:9999=EIO'])).toBe('ok ok ok ok ok');
    expect(said([0, 1, 2].map((fd) => `fsync@0:${fd}=0`).concat('fsync@0&0xffff=EIO'))).toBe(
      'EIO EIO EIO ok ok',
    );
  });
  test('lets the first rule that fits decide', () => {
    expect(said(['fsync#1=EIO', 'fsync=ENOSPC'])).toBe('EIO ENOSPC ENOSPC ok ok');
  });
  privileged('works as another user', () => {
    expect(said(['statfs=EPERM', 'fsync=0'], 65534)).toBe('ok ok ok EPERM EPERM');
    expect(said(['statfs:/proc=EPERM', 'fsync=0'], 65534)).toBe('ok ok ok ok EPERM');
  });

  test.each([['fsopen=ENOSYS'], ['fsopen#1=ENOSYS']])(
    'passes exit codes and signals through (%s)',
    (rule) => {
      expect(runFaked([rule], 'process.exit(7)')).toMatchObject({ status: 7, signal: null });
      expect(
        runFaked([rule], "process.kill(process.pid, 'SIGTERM'); setInterval(() => {}, 1000)"),
      ).toMatchObject({
        status: null,
        signal: 'SIGTERM',
      });
    },
  );
  test.each([
    ['fsopn=ENOSYS', "unknown call in rule 'fsopn=ENOSYS'"],
    ['fsopen=ENOTHING', "unknown errno 'ENOTHING'"],
    ['fsopen', "no =ERRNO in rule 'fsopen'"],
    ['fsopen#0=EIO', "no call number after # in rule 'fsopen#0=EIO'"],
    ['fsopen@7:1=EIO', "no @ARG:VALUE in rule 'fsopen@7:1=EIO'"],
    ['flock:x=EIO', "this call has no string argument, in rule 'flock:x=EIO'"],
  ])('refuses the rule %s', (rule, words) => {
    expect(runFaked([rule], '')).toMatchObject({ status: 125, stderr: `fake-errno: ${words}\n` });
  });
  test.each(Object.entries(kernels))('has readable rules for a kernel %s', (_, rules) => {
    expect(runFaked(rules, 'console.log(1)')).toMatchObject({ status: 0, stdout: '1\n', stderr: '' });
  });
});
