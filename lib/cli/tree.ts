// overlayfs tree: the merged view of layers as a tree, with the layer of each entry.
import type { Findings, MergedEntry, Stack } from '../layer/index.ts';
import type { Command } from './command.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { layerLines } from './layer-text.ts';
import { ABOUT_LAYERS, STACK_FLAGS, type StackSource, stackOf } from './stack-source.ts';
import type { Terminal } from './terminal.ts';
import { entryLine, sortedByName } from './tree-text.ts';

/** What is told at the end. */
interface Told {
  readonly findings: string[];
  /** Everything could be read. */
  complete: boolean;
}

interface Drawing {
  readonly stack: Stack;
  readonly terminal: Terminal;
  readonly depth: number;
  readonly told: Told;
}

function takeNote(told: Told, { findings, complete }: Findings<unknown>): void {
  for (const { sentence } of findings) told.findings.push(sentence);
  told.complete &&= complete;
}

/** Draws what is in a directory; one directory is held at any time on each level of the way down. */
async function draw(drawing: Drawing, dir: MergedEntry, indent: string, level: number): Promise<void> {
  const { stack, terminal, depth, told } = drawing;
  if (level > depth) return;
  const listing = stack.readdir(dir.path);
  const entries: MergedEntry[] = [];
  for await (const entry of listing) entries.push(entry);
  takeNote(told, listing);
  const sorted = sortedByName(entries);
  for (const [i, entry] of sorted.entries()) {
    const last = i === sorted.length - 1;
    const link =
      entry.type === 'symlink' && entry.error === undefined ? await stack.readlink(entry.path) : undefined;
    terminal.line(`${indent}${last ? '└── ' : '├── '}${entryLine(entry, link, terminal)}`);
    if (entry.type === 'directory' && entry.error === undefined)
      await draw(drawing, entry, `${indent}${last ? '    ' : '│   '}`, level + 1);
  }
}

function depthOf(given: Given): number {
  const text = given.text('depth');
  if (text === undefined) return Number.POSITIVE_INFINITY;
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--depth must be a number from 1 on, not ${text}`);
  return Number(text);
}

async function printJson({ stack, path }: StackSource, told: Told, terminal: Terminal): Promise<void> {
  const walk = stack.walk(path);
  for await (const entry of walk) terminal.line(toJson(entry, 0));
  takeNote(told, walk);
}

async function printTree(source: StackSource, depth: number, told: Told, terminal: Terminal): Promise<void> {
  const { stack, path } = source;
  const { entry, error } = await stack.lookup(path);
  if (error !== undefined) throw error;
  // readdir() says in its error what is wrong with a path that shows nothing, or no directory.
  if (entry === undefined || entry.type !== 'directory') for await (const _ of stack.readdir(path)) break;
  else {
    terminal.line(entryLine(entry, undefined, terminal));
    await draw({ stack, terminal, depth, told }, entry, '', 1);
    for (const line of layerLines(source.spec)) terminal.line(terminal.paint(line, 'dim'));
  }
}

export const treeCommand: Command = {
  summary: 'Shows the merged view of layers as a tree, with the layer that each entry comes from.',
  usage: ['tree [--depth N] [--json] [DIR]', 'tree --lower DIR… [--upper DIR] [--depth N] [--json] [DIR]'],
  about: [
    'Behind each name stands the layer it comes from; of a directory that several layers have, all of them.',
    'Exit code 1 when something could not be read. That and what is damaged is told at the end, and the rest is shown.',
    ...ABOUT_LAYERS,
  ],
  flags: {
    ...STACK_FLAGS,
    depth: { value: 'N', about: 'how many levels to show' },
    json: { about: 'print an object an entry, a line each, as walk() gives them' },
    help: { about: 'this text' },
  },
  words: { min: 0, max: 1, what: 'DIR' },
  async run(given, terminal) {
    const depth = depthOf(given);
    const source = await stackOf(given, given.words[0] ?? '.');
    try {
      const told: Told = { findings: [], complete: true };
      if (given.has('json')) await printJson(source, told, terminal);
      else await printTree(source, depth, told, terminal);
      for (const sentence of told.findings) terminal.complain(`overlayfs: ${sentence}`);
      return told.complete ? 0 : 1;
    } finally {
      await source.stack.close();
    }
  },
};
