import { mkdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { restorePath } from '../../lib/diagnosis/lossy-path.ts';
import { runSync } from '../../lib/kernel/routine.ts';
import { scratchDirectory } from '../support/scratch.ts';

const restored = (path: Buffer) => runSync(restorePath(Buffer.from(path.toString())));

test('names that lost bytes are found again, when only one name looks like them', () => {
  const root = Buffer.from(`${scratchDirectory().path}/`);
  const [one, other] = [0xfe, 0xff].map((byte) => Buffer.concat([Buffer.from('n\n'), Buffer.from([byte])]));
  const path = Buffer.concat([root, one!, Buffer.from('/é/'), other!]);
  mkdirSync(path, { recursive: true });
  expect(restored(path)).toEqual(path);
  const missing = Buffer.concat([path, Buffer.from('/gone')]);
  expect(restored(missing)).toEqual(missing);
  mkdirSync(Buffer.concat([root, other!]));
  expect(restored(path).includes('\ufffd')).toBe(true);
  expect(restored(Buffer.from('/tmp/é'))).toEqual(Buffer.from('/tmp/é'));
});
