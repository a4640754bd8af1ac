import { Writable } from 'node:stream';
import { expect, test } from 'vitest';
import { processTerminal, Terminal, wantsColour } from '../../lib/cli/terminal.ts';
import { scratchDirectory } from '../support/scratch.ts';
import { overlayfs, shell } from './run-program.ts';

function collector(error?: Error): { stream: Writable; text: () => string } {
  let text = '';
  const stream = new Writable({
    write(chunk, _, done) {
      if (error === undefined) text += chunk;
      done(error);
    },
  });
  return { stream, text: () => text };
}

test.each([
  [true, {}, true],
  [false, {}, false],
  [true, { NO_COLOR: '1' }, false],
  [true, { NO_COLOR: '' }, true],
  [true, { TERM: 'dumb' }, false],
  [false, { FORCE_COLOR: '1' }, true],
  [true, { FORCE_COLOR: '0' }, false],
  [true, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
])('on a terminal: %j, with %j: colours %j', (isTTY, env, wanted) => {
  expect(wantsColour(isTTY, env)).toBe(wanted);
});
test('paints only where colours are wanted', () => {
  const { stream } = collector();
  const { paint } = new Terminal(stream, stream, { colour: true });
  expect(paint('x', 'bold', 'red')).toBe('\u001b[1;31mx\u001b[0m');
  expect(new Terminal(stream, stream, { colour: false }).paint('x', 'bold')).toBe('x');
});
test('what was asked for and complaints go to different streams', () => {
  const [out, err] = [collector(), collector()];
  const terminal = new Terminal(out.stream, err.stream, { colour: false });
  terminal.line('a');
  terminal.line();
  terminal.complain('b');
  expect([out.text(), err.text()]).toEqual(['a\n\n', 'b\n']);
});
test('a reader that has gone is no failure, and a full disk is one', async () => {
  for (const [code, failure] of [
    ['EPIPE', undefined],
    ['ENOSPC', 'ENOSPC'],
  ] as const) {
    const { stream } = collector(Object.assign(new Error(code), { code }));
    const terminal = new Terminal(stream, collector().stream, { colour: false });
    terminal.line('a');
    await new Promise((resolve) => setImmediate(resolve));
    terminal.line('b');
    expect(terminal.failure?.message).toBe(failure);
  }
});
test('the terminal of a process without one is plain', () => {
  expect(processTerminal()).toBeInstanceOf(Terminal);
  expect(overlayfs(['doctor']).stdout).not.toContain('\u001b');
});
test('FORCE_COLOR colours a pipe, NO_COLOR wins over it', () => {
  expect(overlayfs(['doctor'], { env: { FORCE_COLOR: '1' } }).stdout).toContain('\u001b[');
  expect(overlayfs(['doctor'], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } }).stdout).not.toContain('\u001b');
});
test('head -1 does not make it crash, and a full disk makes it fail', () => {
  const { path } = scratchDirectory();
  const piped = shell('"$O" doctor | head -1; echo $PIPESTATUS; "$O" --help | true; echo $PIPESTATUS', path);
  expect(piped.stderr).toBe('');
  expect(piped.stdout).toMatch(/^This process [^\n]*\n[01]\n0\n$/);
  const full = shell('"$O" --help > /dev/full', path);
  expect(full.status).toBe(1);
  expect(full.stderr).toContain('the output could not be written: ENOSPC');
});
test('no more is drawn than can be drawn over', () => {
  const { stream, text } = collector();
  const terminal = new Terminal(stream, stream, {
    colour: false,
    live: true,
    size: () => ({ rows: 3, columns: 5 }),
  });
  terminal.draw(['123456789', 'b', 'c']);
  terminal.draw(['a']);
  expect(text()).toBe('\r\u001b[J1234\nb\n\u001b[2A\r\u001b[Ja\n');
});
