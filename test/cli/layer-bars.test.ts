import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { barLine, barSummary, LayerBars, type LayerState } from '../../lib/cli/layer-bars.ts';
import { Terminal } from '../../lib/cli/terminal.ts';

const layer = (state: LayerState['state'], read = 0): LayerState => ({
  digest: `sha256:${'0123456789abcdef'.repeat(4)}`,
  state,
  read,
  size: 2048,
});

test('a bar for each state', () => {
  expect(barLine(layer('waiting'))).toBe(`sha256:0123456789ab [${'-'.repeat(30)}] 2.0 KiB`);
  expect(barLine(layer('unpacking', 1024))).toBe(
    `sha256:0123456789ab [${'#'.repeat(15)}${'-'.repeat(15)}] 2.0 KiB`,
  );
  expect(barLine(layer('unpacking', 9999))).toContain('#'.repeat(30));
  expect(barLine(layer('done'))).toBe(`sha256:0123456789ab [${'#'.repeat(30)}] 2.0 KiB`);
  expect(barLine(layer('shared'))).toBe('sha256:0123456789ab is there already');
});
test('the line at the end', () => {
  expect(barSummary([layer('done'), layer('shared'), layer('done')])).toBe(
    '3 layers (6.0 KiB): 2 unpacked, 1 there already',
  );
});
function drawn(live: boolean): string {
  const err = new PassThrough();
  const bars = new LayerBars(new Terminal(new PassThrough(), err, { colour: false, live }), [
    layer('waiting'),
    layer('waiting'),
  ]);
  bars.update({ layer: 1, ...layer('shared') });
  bars.end();
  return String(err.read());
}
test('bars are drawn over on a terminal, and elsewhere there is one line', () => {
  const summary = '2 layers (4.0 KiB): 0 unpacked, 1 there already\n';
  expect(drawn(false)).toBe(summary);
  const text = drawn(true);
  expect(text).toContain(`${barLine(layer('waiting'))}\n${barLine(layer('shared'))}\n`);
  expect(text.endsWith(`\u001b[2A\r\u001b[J${summary}`)).toBe(true);
});
