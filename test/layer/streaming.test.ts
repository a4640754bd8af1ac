// Streams are ended by a signal, wherever they are, and tell how far they have come.
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { Findings } from '../../lib/layer/index.ts';
import { openStack, type Stack } from '../../lib/layer/stack.ts';
import type { StreamOptions } from '../../lib/layer/streaming.ts';
import { openDescriptors } from '../support/leaks.ts';
import { scratchDirectory } from '../support/scratch.ts';

const STREAMS: readonly (readonly [string, (stack: Stack, options: StreamOptions) => Findings<unknown>])[] = [
  ['readdir', (stack, options) => stack.readdir('many', options)],
  ['walk', (stack, options) => stack.walk('.', options)],
  ['changes', (stack, options) => stack.changes(options)],
  ['changes that compares', (stack, options) => stack.changes({ ...options, ignoreUnchanged: true })],
];

function layers() {
  const scratch = scratchDirectory();
  for (let i = 0; i < 600; i++) scratch.file(`u/many/${i}`, 'one');
  for (let i = 0; i < 600; i += 2) scratch.file(`l/many/${i}`, 'two');
  return { scratch, spec: { lower: scratch.join('l'), upper: scratch.join('u') } };
}

async function countOf(stream: Findings<unknown>, onItem?: (count: number) => void): Promise<number> {
  let count = 0;
  for await (const _ of stream) {
    count++;
    onItem?.(count);
  }
  return count;
}

test.each(STREAMS)('%s', async (_, open) => {
  const { spec } = layers();
  const before = openDescriptors();
  {
    await using stack = await openStack(spec);
    const reports: number[] = [];
    await countOf(open(stack, { onProgress: ({ entries }) => reports.push(entries) }));
    expect(reports.at(-1)).toBeGreaterThanOrEqual(600);
    expect(reports).toEqual([...reports].sort((a, b) => a - b));
    const controller = new AbortController();
    let seen = 0;
    const aborted = countOf(open(stack, { signal: controller.signal }), (count) => {
      seen = count;
      if (count === 100) controller.abort(new Error('enough'));
    });
    await expect(aborted).rejects.toThrow('enough');
    expect(seen).toBe(100);
    await expect(countOf(open(stack, { signal: AbortSignal.abort(new Error('before')) }))).rejects.toThrow(
      'before',
    );
    // The stack is as good as before.
    expect(await countOf(open(stack, {}))).toBeGreaterThanOrEqual(600);
  }
  expect(openDescriptors()).toEqual(before);
});

test('a long comparison of contents ends in the middle', async () => {
  const scratch = scratchDirectory();
  const content = Buffer.alloc(64 * 2 ** 20);
  for (const layer of ['u', 'l']) writeFileSync(`${scratch.directory(layer)}/large`, content);
  await using stack = await openStack({ lower: scratch.join('l'), upper: scratch.join('u') });
  const controller = new AbortController();
  // Told when the directory has been read, before the contents are.
  const onProgress = () => controller.abort(new Error('enough'));
  const stream = stack.changes({ ignoreUnchanged: true, signal: controller.signal, onProgress });
  const told: string[] = [];
  const reading = (async () => {
    for await (const { path } of stream) told.push(String(path));
  })();
  await expect(reading).rejects.toThrow('enough');
  expect(told).not.toContain('large');
});

test('options that there are not', async () => {
  await using stack = await openStack({ lower: scratchDirectory().directory('l') });
  for (const [options, code] of [
    [{ ignoreUnchange: true }, 'ERR_OVERLAY_UNKNOWN_OPTION'],
    [{ ignoreUnchanged: 'yes' }, 'ERR_OVERLAY_INVALID_TYPE'],
    [7, 'ERR_OVERLAY_INVALID_TYPE'],
  ] as const)
    expect(() => stack.changes(options as object)).toThrow(expect.objectContaining({ code }));
  expect(() => stack.walk('.', { depth: 2 } as object)).toThrow(
    expect.objectContaining({ code: 'ERR_OVERLAY_UNKNOWN_OPTION' }),
  );
});
