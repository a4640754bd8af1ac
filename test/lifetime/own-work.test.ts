// Overlays whose work directory was made for them: it goes with them, also when they are forgotten or end badly.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { mount } from '../../lib/mount/mount.ts';
import { run } from '../support/command.ts';
import { printedJson, runNode } from '../support/node-process.ts';
import { describePrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

describePrivileged('an overlay with a work directory of its own', () => {
  test('that is forgotten leaves no descriptor', () => {
    const scratch = scratchDirectory();
    const { lower, upper } = scratch.layers({ work: false, target: false });
    const script = `
      import { readdirSync, readlinkSync } from 'node:fs';
      import { setTimeout as sleep } from 'node:timers/promises';
      import { mountSync } from 'overlayfs';
      const [spec, root] = process.argv.slice(1).map((arg) => JSON.parse(arg));
      (() => { mountSync(spec); })();
      const open = () => readdirSync('/proc/self/fd').flatMap((fd) => {
        try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
      }).filter((path) => path.startsWith(root));
      const seen = open().length;
      for (let i = 0; i < 10_000 && open().length > 0; i++) { gc(); await sleep(5); }
      console.log(JSON.stringify({ seen: seen > 0, left: open() }));`;
    const args = [JSON.stringify({ lower, upper }), JSON.stringify(scratch.path)];
    expect(printedJson(runNode(script, { args, execArgv: ['--expose-gc'] }))).toEqual({
      seen: true,
      left: [],
    });
  });

  test('whose work directory cannot be removed lets go of its descriptors once', () => {
    const scratch = scratchDirectory();
    const { lower, upper } = scratch.layers({ work: false, target: false });
    const other = scratch.directory('other', 'upper');
    // Something is mounted in its work directory; the next overlay then gets the numbers of its descriptors.
    const script = `
      import { execFileSync } from 'node:child_process';
      import { mkdirSync, readdirSync } from 'node:fs';
      import { mountSync } from 'overlayfs';
      const [one, two, root] = process.argv.slice(1).map((arg) => JSON.parse(arg));
      const first = mountSync(one);
      const inside = root + '/' + readdirSync(root).find((name) => name.startsWith('.overlayfs-work-')) + '/inside';
      mkdirSync(inside);
      execFileSync('mount', ['-t', 'tmpfs', 'inside', inside]);
      const said = [];
      const end = () => { try { first.unmountSync(); } catch ({ name }) { said.push(name); } };
      end();
      const second = mountSync(two);
      end();
      execFileSync('umount', [inside]);
      try { said.push(readdirSync(second.path)); second.unmountSync(); } catch ({ code }) { said.push(code); }
      console.log(JSON.stringify(said.at(-1)));`;
    const args = [{ lower, upper }, { lower, upper: other }, scratch.path].map((arg) => JSON.stringify(arg));
    expect(printedJson(runNode(script, { args }))).toEqual(readdirSync(lower[0]!));
  });

  test('that lives on in a bind mount keeps its work directory', async () => {
    const scratch = scratchDirectory();
    const { lower, upper, target } = scratch.layers({ upper: true, work: false });
    const copy = scratch.directory('copy');
    const overlay = await mount({ lower, upper: upper!, target });
    run('mount', '--bind', target, copy);
    await overlay.unmount();
    // A copy-up needs the work directory.
    writeFileSync(`${copy}/shared`, 'changed');
    expect(readFileSync(`${upper}/shared`, 'utf8')).toBe('changed');
  });
});
