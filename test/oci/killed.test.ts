// SIGKILL in the middle: nothing has the final name, what lies beside it is known by its name, and the next unpacking removes it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { STAGING_PREFIX } from '../../lib/oci/staging.ts';
import { unpackLayer } from '../../lib/oci/unpack-layer.ts';
import { packageRoot } from '../support/built-package.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { archive, file } from './layer-archive.ts';

const OWN = process.geteuid!() === 0 ? {} : { rootless: true };
const content = 'x'.repeat(2000);
const files = Array.from({ length: 1500 }, (_, i) => file(`d${i % 10}/f${i}`, content));
const whole = archive(...files, file('big', 'y'.repeat(3_000_000)));

const BODIES = {
  unpackLayer: `await unpackLayer(layer(), target, own)`,
  unpackImage: `
    const one = { digest: '', diffId, size: 0, mediaType: '', open: layer };
    await unpackImage({ layers: [one, one, one] }, target, { ...own, format: 'overlay' })`,
} as const;

/** A process that unpacks what takes a while, or what has no end. */
function unpacker(body: keyof typeof BODIES, archivePath: string, target: string, endless: boolean) {
  const source = `
    import { createReadStream } from 'node:fs';
    import { unpackImage, unpackLayer } from ${JSON.stringify(new URL('dist/oci/index.js', `file://${packageRoot}/`).href)};
    import { createHash } from 'node:crypto';
    import { readFileSync } from 'node:fs';
    import { Readable } from 'node:stream';
    const [target, path, own] = [${JSON.stringify(target)}, ${JSON.stringify(archivePath)}, ${JSON.stringify(OWN)}];
    async function* begun() {
      yield* createReadStream(path, { end: 2 ** 20 });
      await new Promise((resolve) => setTimeout(resolve, 2 ** 30));
    }
    const layer = () => ${endless ? 'Readable.from(begun())' : 'createReadStream(path)'};
    const diffId = 'sha256:' + createHash('sha256').update(readFileSync(path)).digest('hex');
    process.stdout.write('begun');
    ${BODIES[body]};
    process.stdout.write('done');`;
  return spawn(process.execPath, ['--input-type=module', '--eval', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

test.each(Object.keys(BODIES) as (keyof typeof BODIES)[])('%s', async (body) => {
  const scratch = scratchDirectory();
  const path = scratch.join('layer.tar');
  writeFileSync(path, whole);
  const beside = scratch.directory('beside');
  const target = join(beside, 'target');
  // The first is killed for certain when it has begun and not ended, the others at whatever moment it comes to be.
  for (let round = 0; round < 8 && !existsSync(target); round++) {
    const child = unpacker(body, path, target, round === 0);
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    if (round > 0) await sleep(round * 15);
    else await expect.poll(() => readdirSync(beside)).toHaveLength(1);
    child.kill('SIGKILL');
    await exited;
    // Whole or not there; and at most what this process has left, since each removes what was left before it.
    const left = readdirSync(beside).filter((name) => name !== 'target');
    expect(left.every((name) => name.startsWith(STAGING_PREFIX))).toBe(true);
    expect(left.length).toBeLessThanOrEqual(1);
    if (round === 0) expect(left).toHaveLength(1);
  }
  const layers = body === 'unpackImage' ? ['000', '001', '002'] : ['.'];
  if (existsSync(target))
    for (const layer of layers) expect(readdirSync(join(target, layer, 'd0')).length).toBe(150);
  await unpackLayer(Readable.from([archive(file('f'))]), join(beside, 'next'), OWN);
  expect(readdirSync(beside).filter((name) => name.startsWith(STAGING_PREFIX))).toEqual([]);
});

test('what another process is filling is left alone', async () => {
  const beside = scratchDirectory().directory('beside');
  let inner: string[] = [];
  const slowly = async function* () {
    yield whole.subarray(0, 500_000);
    await unpackLayer(Readable.from([archive(file('f'))]), join(beside, 'other'), OWN);
    inner = readdirSync(beside);
    yield whole.subarray(500_000);
  };
  await unpackLayer(Readable.from(slowly()), join(beside, 'target'), OWN);
  expect(inner.some((name) => name.startsWith(STAGING_PREFIX))).toBe(true);
  expect(readdirSync(beside).toSorted()).toEqual(['other', 'target']);
});
