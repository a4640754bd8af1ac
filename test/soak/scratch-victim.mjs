// Makes, fills, resets, keeps and ends throw-away overlays until it is killed. Run by scratch.mjs.
//
//   node scratch-victim.mjs LOWER ROOTLESS WHERE PACKAGE      WHERE: a directory, or - for memory
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';

const [lower, rootless, where, from, leak] = process.argv.slice(2);
const { scratch, scratchSync } = await import(`${from}/dist/index.js`);
const options = { rootless: rootless === 'true', ...(where === '-' ? {} : { upperOn: where }) };
const CONTENT = Buffer.alloc(4 * 2 ** 20, 1);

if (leak === 'process') spawn('sleep', ['600'], { stdio: 'ignore', detached: true });
if (leak === 'file') writeFileSync(`${where === '-' ? process.env.TMPDIR : where}/left-${process.pid}`, '');
if (leak === 'memory') writeFileSync(`/dev/shm/${process.env.OVERLAYFS_SOAK}-${process.pid}`, CONTENT);

function fill(view) {
  writeFileSync(`${view.path}/big`, CONTENT);
  mkdirSync(`${view.path}/sub/deep`, { recursive: true });
  rmSync(`${view.path}/file`);
}

process.stdout.write('begun\n');
for (let round = 0; ; round++) {
  const view = round % 2 === 0 ? await scratch(lower, options) : scratchSync(lower, options);
  fill(view);
  await view.reset();
  fill(view);
  if (round % 3 === 0) {
    const kept = `${process.env.TMPDIR}/kept-${process.pid}`;
    await view.keep(kept, { as: 'upper' });
    rmSync(kept, { recursive: true });
  }
  if (round % 2 === 0) await view.unmount();
  else view.unmountSync();
}
