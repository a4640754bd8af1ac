// overlayfs explain: what would fail or be dangerous about a mount, told without mounting.
import { explain, type Finding, type MountSpec, OverlayError } from '../index.ts';
import type { Command } from './command.ts';
import { inFlags } from './failure.ts';
import { type Given, UsageError } from './flags.ts';
import { toJson } from './json.ts';
import { FLAGS, isForeign, specOf } from './mount.ts';
import { readMountArguments } from './mount-arguments.ts';
import { requireOwnNamespace } from './namespace.ts';
import type { Terminal } from './terminal.ts';
import { markedPath, partOf, withPart } from './wrong-part.ts';

/** The path that a finding is about, with all its bytes: the finding has it as text. */
function pathOf({ option, index, path }: Finding, spec: MountSpec | undefined): Buffer | undefined {
  const { lower, data, upper, work, target } = spec ?? ({} as Partial<MountSpec>);
  const given = { lower: [lower].flat()[index ?? 0], data: data?.[index ?? 0], upper, work, target };
  const own = given[option as keyof typeof given];
  // Words of a command line are text or bytes.
  if (typeof own === 'string' || own instanceof Uint8Array) return Buffer.from(own as Uint8Array);
  return path === undefined ? undefined : Buffer.from(path);
}

function findingLines(
  finding: Finding,
  spec: MountSpec | undefined,
  all: readonly Finding[],
  terminal: Terminal,
): string[] {
  const path = pathOf(finding, spec);
  return [
    terminal.paint(finding.sentence, 'bold'),
    ...(path === undefined ? [] : markedPath(path, partOf(path, all), terminal).map((line) => `  ${line}`)),
    `  hint: ${inFlags(finding.hint)}`,
    `  code: ${finding.code}`,
  ];
}

function findingJson(finding: Finding, spec: MountSpec | undefined, all: readonly Finding[]): object {
  const path = pathOf(finding, spec);
  if (path === undefined) return finding;
  return withPart(finding, path, all);
}

/** @param read gives the spec; what it refuses as an OverlayError is a finding too */
async function tell(read: () => MountSpec, json: boolean, terminal: Terminal): Promise<number> {
  let spec: MountSpec | undefined;
  let findings: readonly Finding[];
  try {
    spec = read();
    findings = await explain(spec);
  } catch (error) {
    if (!(error instanceof OverlayError)) throw error;
    findings = error.findings;
  }
  if (json) terminal.line(toJson(findings.map((finding) => findingJson(finding, spec, findings))));
  else if (findings.length === 0) terminal.line('nothing is wrong that can be told without mounting');
  else
    for (const finding of findings)
      for (const line of findingLines(finding, spec, findings, terminal)) terminal.line(line);
  return findings.length === 0 ? 0 : 1;
}

function specOfMountForm(args: readonly string[]): MountSpec {
  const { spec, remount, namespace } = readMountArguments(args);
  if (remount) throw new UsageError('remount changes a mount that is there; this is about a new one');
  requireOwnNamespace(namespace);
  return spec;
}

const { json: _, ...mountFlags } = FLAGS;

export const explainCommand: Command = {
  summary: 'Says what would fail or be dangerous about a mount, without mounting, the first cause first.',
  usage: [
    'explain --lower DIR… [--upper DIR [--work DIR]] [FLAGS] [TARGET]',
    'explain -o lowerdir=A:B[,upperdir=U,workdir=W][,ro,nosuid…] [-t TYPE] [--json] [SOURCE] TARGET',
  ],
  about: [
    'Takes the words of `overlayfs mount`, in both forms. The part of a path that is wrong is marked with ^.',
    'Exit code 0 when nothing is found, 1 when something is, 2 for words that make no sense.',
  ],
  flags: {
    ...mountFlags,
    json: { about: "print the findings as JSON: explain()'s array, with the wrong `part`" },
  },
  words: { min: 0, max: 1, what: 'TARGET' },
  foreign(args, terminal) {
    const rest = args.filter((word) => word !== '--json');
    if (!isForeign(rest)) return undefined;
    return tell(() => specOfMountForm(rest), rest.length < args.length, terminal);
  },
  run: (given: Given, terminal) => tell(() => specOf(given), given.has('json'), terminal),
};
