// What mount(8) says of a condition beside what we say: recorded in a run of its own, and held to be there in every other.
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { expect } from 'vitest';
import { formatOptions } from '../../../lib/format/format-options.ts';
import type { MountSpec } from '../../../lib/format/mount-spec.ts';
import { OVERLAY_OPTIONS } from '../../../lib/format/option-table.ts';
import { recorded, type Words } from '../../docs/words.ts';
import { packageRoot } from '../../support/built-package.ts';
import { printedJson, runNode } from '../../support/node-process.ts';

/** The file that `npm run docs` has the words written to, a line of JSON each. */
const file = process.env.OVERLAYFS_RECORD_WORDS;

export const isRecording = file !== undefined;

/** Whose words they are, as the condition has it. */
export interface Named {
  readonly id: string;
  readonly name: string;
}

/** How mount(8) is called: as whom, and under which program. */
export interface Caller {
  readonly under?: readonly string[];
  readonly uid?: number;
}

interface Ours {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

// What formatOptions() refuses is a mistake of the condition, which mount(8) is to get as it is.
function literalText({ lower, data = [], upper, work, options = {} }: MountSpec): string {
  const lowers = [lower].flat().join(':');
  const { raw, ...named } = options as Record<string, unknown>;
  const words = Object.entries(named).map(([name, value]) => {
    const row = OVERLAY_OPTIONS.find((option) => option.name === name);
    const key = row?.key ?? name;
    if (value === true && row?.kind !== 'onOff') return key;
    return `${key}=${typeof value === 'boolean' ? (value ? 'on' : 'off') : value}`;
  });
  return [
    `lowerdir=${[lowers, ...data].join('::')}`,
    ...(upper === undefined ? [] : [`upperdir=${upper}`]),
    ...(work === undefined ? [] : [`workdir=${work}`]),
    ...words,
    ...Object.entries(raw ?? {}).map(([key, value]) => (value === true ? key : `${key}=${value}`)),
  ].join(',');
}

function optionText(spec: MountSpec): string {
  try {
    return formatOptions(spec).toString();
  } catch {
    return literalText(spec);
  }
}

/** The first line; undefined when it mounts, which is then undone. */
function mount8Words(spec: MountSpec, { under = [], uid }: Caller): string | undefined {
  const target = String(spec.target);
  const [program, ...args] = [...under, 'mount', '-t', 'overlay', 'overlay', '-o', optionText(spec), target];
  const how = { encoding: 'utf8' as const, ...(uid !== undefined && { uid, gid: uid }) };
  const { status, stderr, error } = spawnSync(program!, args, how);
  if (error) throw error;
  if (status !== 0)
    return stderr
      .trim()
      .split('\n')[0]!
      .replace(/^mount: (?:\S+: )?/, '');
  // In a namespace of its own the mount has gone with it.
  if (under.length === 0) spawnSync('umount', [target]);
  return undefined;
}

// Places of this run, and names that are long only for being long.
function anywhere(text: string): string {
  return text
    .replaceAll(/\/[^\s"':,]*\/overlayfs-test-\w{6}/g, '/…')
    .replaceAll(packageRoot, '/…/')
    .replaceAll(`${homedir()}/`, '/…/')
    .replaceAll(/\b(inode|process) \d+/g, '$1 …')
    .replaceAll(/([^.])\1{40,}/g, '$1…$1')
    .replaceAll(/(?:long){5,}/g, 'long…');
}

/** Whether mount(8) can be told the same: it takes no open directory, and wants a target. */
export function canBeTold(spec: MountSpec): boolean {
  const layers = [spec.lower, spec.data ?? [], spec.upper, spec.work].flat();
  const open = layers.some((layer) => typeof layer === 'object' && layer !== null && 'fd' in layer);
  return !open && spec.target !== undefined;
}

/** Lets mount(8) try the same, and notes both; what mount(8) cannot be told is left out. */
export function recordWords({ id, name }: Named, spec: MountSpec, ours: Ours, caller: Caller = {}): void {
  if (file === undefined || !canBeTold(spec)) return;
  const mount8 = mount8Words(spec, caller);
  const words: Words = {
    id,
    condition: name,
    ...(mount8 !== undefined && { mount8: anywhere(mount8) }),
    code: ours.code,
    sentence: anywhere(ours.message),
    hint: anywhere(ours.hint),
  };
  appendFileSync(file, `${JSON.stringify(words)}\n`);
}

const script = `
  import { mountSync } from 'overlayfs';
  try { mountSync(JSON.parse(process.argv[1])); }
  catch ({ code, message, hint }) { console.log(JSON.stringify({ code, message, hint })); }`;

/** The same for callers that this process is not; without a record in the making, that there is one. */
export function wordsOfCaller(named: Named, spec: MountSpec, code: string, caller: Caller): void {
  if (!isRecording) expectRecorded(named, code);
  else
    recordWords(
      named,
      spec,
      printedJson(runNode(script, { ...caller, args: [JSON.stringify(spec)] })),
      caller,
    );
}

/** Fails when the condition is in no record, or in one with another code. */
export function expectRecorded({ id, name }: Named, code: string): void {
  const words = recorded.rows.find((row) => row.id === id && row.condition === name);
  expect(words?.code, `what mount(8) says of "${id} ${name}" is to be recorded: run npm run docs`).toBe(code);
}
