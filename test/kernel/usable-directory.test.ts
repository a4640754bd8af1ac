// Whatever the umask takes away, directories of ours are usable: as an ordinary user and as root, by all that makes some.
import { chmodSync, chownSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { asNobody, printedJson, runNode } from '../support/node-process.ts';
import { isPrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const script = `
  import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
  import { apply, features, mount, planApply, run, scratch } from 'overlayfs';
  const [base, mask, user] = process.argv.slice(1);
  const [lower, disk] = [base + '/lower', base + '/disk'];
  process.umask(Number.parseInt(mask, 8));
  const mode = (path) => (statSync(path).mode & 0o7777).toString(8);
  const told = {};
  const note = async (view) => (await view.changes()).map(({ kind, path }) => kind + ' ' + path).join();
  for (const upperOn of [undefined, disk]) {
    const view = await scratch(lower, { upperOn });
    mkdirSync(view.path + '/sub/new');
    chmodSync(view.path + '/sub/new', 0o700);
    const kept = base + '/kept-' + (upperOn ? 'disk' : 'memory');
    await view.keep(kept);
    await view.keep(kept + '-upper', { as: 'upper' });
    told[kept.slice(base.length + 1)] = [await note(view), mode(kept), readdirSync(kept + '-upper').join()];
    await view.reset();
    await view.unmount();
  }
  const mounted = await mount({ lower, upper: base + '/made/upper', mkdir: true, rootless: 'auto' });
  told.mkdir = ['/made', '/made/upper'].map((path) => mode(base + path)).join();
  await mounted.unmount();
  const command = await run('sh', ['-c', 'umask; umask 077; mkdir made; > made/file; rm file'], { at: lower, cwd: lower, upperOn: disk });
  command.stdout.on('data', (text) => { told.umask = String(text).trim(); });
  const { exitCode } = await command.finished;
  told.run = [exitCode, await note(command)];
  await command.apply();
  told.applied = readdirSync(lower).sort().join();
  told.features = (await features(disk)).directory !== undefined;
  told.left = [readdirSync(disk).join(), readdirSync(base).filter((name) => name.startsWith('.')).join()].join();
  console.log(JSON.stringify(told));`;

test.each([
  ['777', '700,700'],
  ['277', '700,700'],
  ['077', '700,700'],
])('a umask of %s, as an ordinary user and as root', (mask, modes) => {
  needUserNamespaces();
  for (const user of isPrivileged() ? ['nobody', 'root'] : ['nobody']) {
    const place = scratchDirectory();
    place.file('base/lower/file', '');
    place.file('base/lower/sub/inner', '');
    place.directory('base/disk');
    for (const path of ['base', 'base/lower', 'base/lower/sub', 'base/disk'])
      chmodSync(place.join(path), 0o755);
    if (user === 'nobody' && isPrivileged())
      for (const path of ['', '/lower', '/lower/sub', '/lower/file', '/lower/sub/inner', '/disk'])
        chownSync(place.join(`base${path}`), 65534, 65534);
    const options = { args: [place.join('base'), mask] };
    const told = printedJson(user === 'nobody' ? asNobody(script, options) : runNode(script, options));
    const kept = ['modified sub,added sub/new', '755', 'sub'];
    expect(told, user).toEqual({
      'kept-memory': kept,
      'kept-disk': kept,
      mkdir: modes,
      umask: `0${mask}`,
      run: [0, expect.stringContaining('deleted file')],
      applied: 'made,sub',
      features: true,
      left: ',',
    });
    expect(readdirSync(place.join('base/disk'))).toEqual([]);
  }
});
