import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readAll } from '../format/tar/archive.ts';
import { scratchDirectory } from '../support/scratch.ts';
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
  expect(overlayfs(['pack', upper, out]).status).toBe(1);
  expect(readFileSync(out)).toEqual(bytes);
  expect(overlayfs(['pack', '--lower', lower, upper, `${out}2`]).status).toBe(0);
  expect(overlayfs(['pack', scratch.join('nothing'), `${out}3`]).status).toBe(1);
  expect(existsSync(`${out}3`)).toBe(false);
});
