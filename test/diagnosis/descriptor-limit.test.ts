// With few descriptors and much at once: each failure is the limit's, none is left open, and what stays on disk goes with the next.
import { chmodSync, readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { tooManyOpenFiles } from '../../lib/diagnosis/descriptor-limit.ts';
import { EMFILE, ENFILE } from '../../lib/kernel/errno.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { needUserNamespaces } from '../cli/need-user-namespaces.ts';
import { asNobody, printedJson, runNode } from '../support/node-process.ts';
import { isPrivileged } from '../support/privilege.ts';
import { scratchDirectory } from '../support/scratch.ts';

const script = `
  import { closeSync, openSync, readdirSync, writeFileSync } from 'node:fs';
  import { planApply, run, scratch } from 'overlayfs';
  const [lower, disk] = process.argv.slice(1);
  const open = () => readdirSync('/proc/self/fd').length;
  const atLower = { at: lower, cwd: lower };
  const end = (view) => view.unmount();
  const ended = async (command) => { await command.finished; await command.discard(); };
  const kinds = {
    scratch: [() => scratch(lower), end],
    disk: [() => scratch(lower, { upperOn: disk }), end],
    run: [() => run('true', [], atLower), ended],
    ignored: [() => run('true', [], { ...atLower, stdio: 'ignore' }), ended],
    runOnDisk: [() => run('true', [], { ...atLower, upperOn: disk }), ended],
  };
  const codes = new Set();
  const told = ({ code, message, findings }) => {
    codes.add(code);
    // In memory nothing else can come of it; on disk the removal of what was made may lack a descriptor too.
    if (code === 'ERR_OVERLAY_TOO_MANY_OPEN_FILES' ? !/limit|has as many open files/.test(message) : code !== 'ERR_OVERLAY_WORK_LEFT')
      codes.add(message);
  };
  // What the first of each loads and keeps.
  for (const [make, end] of Object.values(kinds)) await end(await make());
  await (async () => { const view = await scratch(lower); await view.changes(); await planApply(view.changes()); await view.unmount(); })();
  const before = open();
  const leaked = {};
  for (const [name, [make, end]] of Object.entries(kinds)) {
    const made = await Promise.allSettled(Array.from({ length: 40 }, make));
    for (const { value, reason } of made) await (value ? end(value) : Promise.reject(reason)).catch(told);
    if (open() !== before) leaked[name] = open() - before;
  }
  for (let free = 0; free < 12; free++) for (const [name, [make, end]] of Object.entries(kinds)) {
    const view = await scratch(lower);
    writeFileSync(view.path + '/new', '');
    const held = [];
    try { for (;;) held.push(openSync('/dev/null')); } catch {}
    for (const fd of held.splice(0, free)) closeSync(fd);
    await make().then(end).catch(told);
    if (name === 'scratch') {
      const changes = await Promise.resolve(view.changes()).catch((error) => (told(error), []));
      for (const { error } of changes) if (error) told(error);
      await planApply(view.changes()).catch(told);
    }
    for (const fd of held) closeSync(fd);
    await view.unmount();
    if (open() !== before) leaked[name + ' ' + free] = open() - before;
  }
  await end(await scratch(lower, { upperOn: disk }));
  console.log(JSON.stringify({ codes: [...codes].sort(), leaked, left: readdirSync(disk) }));`;

test.each(isPrivileged() ? ['root', 'an ordinary user'] : ['an ordinary user'])('as %s', (user) => {
  needUserNamespaces();
  const place = scratchDirectory();
  const { lower } = place.layers({ upper: false, work: false });
  place.file('lower0/dir/inner', '');
  const disk = place.directory('disk');
  chmodSync(disk, 0o777);
  const options = { args: [lower[0]!, disk], under: ['prlimit', '--nofile=100:100'] };
  const told = printedJson<{ codes: string[]; leaked: object; left: string[] }>(
    user === 'root' ? runNode(script, options) : asNobody(script, options),
  );
  expect(told).toEqual({
    codes: expect.arrayContaining(['ERR_OVERLAY_TOO_MANY_OPEN_FILES']),
    leaked: {},
    left: [],
  });
  const others = told.codes.filter((code) => code !== 'ERR_OVERLAY_TOO_MANY_OPEN_FILES');
  expect(others.filter((code) => code !== 'ERR_OVERLAY_WORK_LEFT')).toEqual([]);
  expect(readdirSync(disk)).toEqual([]);
});

test('is claimed for calls that open something, and for this errno alone', () => {
  const asked = (errno: number, syscall: string) =>
    runSync(tooManyOpenFiles({ errno: -errno, syscall }))?.code;
  expect(asked(EMFILE, 'openat')).toBe('ERR_OVERLAY_TOO_MANY_OPEN_FILES');
  expect(asked(EMFILE, 'fsconfig')).toBeUndefined();
  expect(asked(ENFILE, 'openat')).toBeUndefined();
});
