import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAll } from '../format/tar/archive.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { interrupted } from './endless-image.ts';
import { overlayfs } from './run-program.ts';

test('a directory, alone and over others; a failure leaves no file', () => {
  const scratch = scratchDirectory();
  const [upper, lower, out] = [scratch.directory('u'), scratch.directory('l'), scratch.join('out')];
  writeFileSync(join(upper, 'f'), 'new');
  writeFileSync(join(lower, 'g'), 'old');
  const done = overlayfs(['pack', '--compress', 'none', '--json', upper, out]);
  expect(done).toMatchObject({ status: 0, stderr: '' });
  const bytes = readFileSync(out);
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  expect(JSON.parse(done.stdout)).toEqual({ digest, diffId: digest, size: bytes.length });
  expect(readAll(bytes).at(-1)).toMatchObject({ name: Buffer.from('f') });
  expect(overlayfs(['pack', upper, out])).toMatchObject({
    status: 1,
    stderr: expect.stringContaining('ERR_OVERLAY_TARGET_EXISTS'),
  });
  expect(readFileSync(out)).toEqual(bytes);
  expect(overlayfs(['pack', '--lower', lower, upper, `${out}2`]).status).toBe(0);
  expect(overlayfs(['pack', scratch.join('nothing'), `${out}3`]).status).toBe(1);
  expect(existsSync(`${out}3`)).toBe(false);
});

test('an end by a signal leaves no part of a file, and no directory for it is an error with a hint', async () => {
  const scratch = scratchDirectory();
  const [layer, place] = [scratch.directory('layer'), scratch.directory('place')];
  writeFileSync(join(layer, 'huge'), '');
  truncateSync(join(layer, 'huge'), 2 ** 36);
  const args = ['pack', '--compress', 'none', layer, join(place, 'out')];
  expect(await interrupted(args, place)).toEqual({ code: null, signal: 'SIGINT', stderr: '' });
  expect(readdirSync(place)).toEqual([]);
  expect(overlayfs(['pack', layer, join(place, 'no/out')])).toMatchObject({
    status: 1,
    stderr: expect.stringMatching(
      /^overlayfs: .*place\/no .*does not exist[\s\S]*ERR_OVERLAY_NOT_FOUND[\s\S]*hint: /,
    ),
  });
});
