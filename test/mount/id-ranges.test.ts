// Mounts without root with the ids that /etc/subuid gives to a user: real ones, by newuidmap(1), and each way to fail.
import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { packageForOthers } from '../support/built-package.ts';
import { which } from '../support/command.ts';
import { asNobody, printedJson } from '../support/node-process.ts';
import { needPrivilege } from '../support/privilege.ts';
import { missing } from '../support/requirement.ts';
import { scratchDirectory } from '../support/scratch.ts';

function place() {
  needPrivilege();
  if (which('newuidmap') === undefined) missing('there is no newuidmap(1) (install uidmap)');
  const files = scratchDirectory();
  chmodSync(files.path, 0o755);
  return files;
}

type Place = ReturnType<typeof place>;

/** Runs as nobody in a mount namespace where /etc/subuid and /etc/subgid say that. */
function given(files: Place, subuid: string, subgid = subuid): string[] {
  const paths = [files.file('subuid', subuid), files.file('subgid', subgid)];
  const binds = ['subuid', 'subgid'].map((name, i) => `mount --bind ${paths[i]} /etc/${name}`);
  // The file may not be there on every machine.
  const script = `for f in subuid subgid; do [ -e /etc/$f ] || exit 9; done; ${binds.join(' && ')} && exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"`;
  return ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh'];
}

const RANGE = '65534:200000:1000\n';

/** Begun as root, since `given` becomes nobody only when the files are in place. */
const run = (files: Place, script: string, under: string[]) => {
  const own = files.directory('tmp');
  chmodSync(own, 0o777);
  return asRoot(script, under, own);
};

function asRoot(script: string, under: string[], temporary: string) {
  const [program, ...words] = [...under, process.execPath, '--input-type=module', '-e', script];
  const { status, signal, stdout, stderr } = spawnSync(program!, words, {
    cwd: packageForOthers(),
    env: { ...process.env, NODE_OPTIONS: '', TMPDIR: temporary, HOME: temporary },
    encoding: 'utf8',
    timeout: 150_000,
  });
  return { status, signal, stdout, stderr };
}

describe.each(['promise', 'sync'])('in the %s form', (form) => {
  const make = (options: string) =>
    form === 'sync' ? `scratchSync(lower, ${options})` : `await scratch(lower, ${options})`;

  test('files of ids of the ranges are changed, keep their owners, are kept and removed', () => {
    const files = place();
    const lower = files.directory('lower');
    mkdirSync(`${lower}/theirs`);
    writeFileSync(`${lower}/theirs/file`, 'before');
    writeFileSync(`${lower}/theirs/set`, '');
    chmodSync(`${lower}/theirs/file`, 0o666);
    chmodSync(`${lower}/theirs/set`, 0o6666);
    for (const name of ['theirs', 'theirs/file', 'theirs/set']) chownSync(`${lower}/${name}`, 200005, 200007);
    chmodSync(`${lower}/theirs/set`, 0o6666);
    chmodSync(`${lower}/theirs`, 0o755);
    const disk = files.directory('disk');
    chmodSync(disk, 0o777);
    const script = `
      import { readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
      import { scratch, scratchSync } from 'overlayfs';
      const lower = ${JSON.stringify(lower)};
      const disk = ${JSON.stringify(disk)};
      const open = () => readdirSync('/proc/self/fd').length;
      const plain = ${make('{ rootless: true }')};
      let refused;
      try { writeFileSync(plain.path + '/theirs/file', 'x'); } catch (error) { refused = error.code; }
      plain.unmountSync();
      const seen = [];
      let before;
      for (const where of [{}, { upperOn: disk }, {}]) {
        const view = ${make("{ rootless: 'ranges', ...where }")};
        writeFileSync(view.path + '/theirs/file', 'after');
        const { uid, gid } = statSync(view.path + '/theirs/file');
        await view.keep(disk + '/kept' + seen.length, { as: 'upper' });
        await view.keep(disk + '/tree' + seen.length);
        view.resetSync();
        writeFileSync(view.path + '/theirs/file', 'again');
        view.unmountSync();
        seen.push([uid, gid]);
        before ??= open();
      }
      console.log(JSON.stringify({ refused, seen, left: readdirSync(disk).filter((name) => name.startsWith('.')), grown: open() - before, tmp: readdirSync(process.env.TMPDIR) }));`;
    const told = printedJson(run(files, script, given(files, RANGE)));
    expect(told).toEqual({
      refused: 'EOVERFLOW',
      seen: [
        [200005, 200007],
        [200005, 200007],
        [200005, 200007],
      ],
      left: [],
      grown: 0,
      tmp: [],
    });
    for (const kept of ['kept0', 'tree0', 'kept1', 'tree1']) {
      const { uid, gid } = statSync(`${disk}/${kept}/theirs/file`);
      expect([uid, gid, readFileSync(`${disk}/${kept}/theirs/file`, 'utf8')]).toEqual([
        200005,
        200007,
        'after',
      ]);
    }
    const set = statSync(`${disk}/tree0/theirs/set`);
    expect([set.mode & 0o7777, set.uid]).toEqual([0o6666, 200005]);
    expect(readdirSync(disk).sort()).toEqual(['kept0', 'kept1', 'kept2', 'tree0', 'tree1', 'tree2']);
  });

  test.each([
    [
      'no range of uids',
      '1:200000:10\n',
      RANGE,
      [],
      'ERR_OVERLAY_NO_ID_RANGES',
      /\/etc\/subuid .*--add-subuids/,
    ],
    ['no range of gids', RANGE, '', [], 'ERR_OVERLAY_NO_ID_RANGES', /\/etc\/subgid .*--add-subgids/],
    ['no helper', RANGE, RANGE, ['env', 'PATH=/nowhere'], 'ERR_OVERLAY_NO_ID_HELPER', /newuidmap .*uidmap/],
    [
      'no new privileges',
      RANGE,
      RANGE,
      ['setpriv', '--no-new-privs'],
      'ERR_OVERLAY_ID_HELPER_FAILED',
      /NoNewPrivs: 1.*no_new_privs/,
    ],
    [
      'ranges that overlap',
      '65534:65530:10\n',
      RANGE,
      [],
      'ERR_OVERLAY_ID_HELPER_FAILED',
      /newuidmap has not mapped the ids: newuidmap: /,
    ],
  ])('%s: told, and nothing is left', (_, subuid, subgid, before, code, words) => {
    const files = place();
    const script = `
      import { readdirSync, readFileSync } from 'node:fs';
      import { scratch, scratchSync } from 'overlayfs';
      const lower = '/usr';
      const open = () => readdirSync('/proc/self/fd').length;
      const children = () => readdirSync('/proc/self/task').map((id) => readFileSync('/proc/self/task/' + id + '/children', 'utf8')).join('');
      const told = [];
      let before;
      for (let i = 0; i < 3; i++) {
        try { ${make("{ rootless: 'ranges' }")}; }
        catch ({ code, message, hint, option }) { told.push({ code, text: message + ' ' + hint, option }); }
        before ??= open();
      }
      console.log(JSON.stringify({ told, grown: open() - before, children: children(), tmp: readdirSync(process.env.TMPDIR) }));`;
    const { told, ...rest } = printedJson<{ told: { code: string; text: string; option: string }[] }>(
      run(files, script, [...given(files, subuid, subgid), ...before]),
    );
    expect(told.map((one) => [one.code, one.option])).toEqual(Array(3).fill([code, 'rootless']));
    expect(told[0]!.text).toMatch(words);
    expect(rest).toEqual({ grown: 0, children: '', tmp: [] });
  });
});

test('is no word for another namespace', () => {
  const script = `
    import { scratch } from 'overlayfs';
    const told = await scratch('/usr', { rootless: 'all' }).catch(({ code, message }) => ({ code, message }));
    console.log(JSON.stringify(told));`;
  expect(printedJson(asNobody(script))).toEqual({
    code: 'ERR_OVERLAY_INVALID_TYPE',
    message: "rootless must be true, false, 'auto' or 'ranges', and is string",
  });
});
