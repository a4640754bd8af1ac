// What `--help` prints: one layout for the program and for each command.
import type { Command } from './command.ts';
import type { FlagRow } from './flags.ts';

function flagText(name: string, { short, value, choices }: FlagRow): string {
  const names = short === undefined ? `    --${name}` : `-${short}, --${name}`;
  return value === undefined ? names : `${names} ${choices?.join('|') ?? value}`;
}

/** Two columns; a left part that is too long gets a line of its own. */
function columns(rows: readonly (readonly [string, string])[], most = 30): string[] {
  const width = Math.min(most, Math.max(...rows.map(([left]) => left.length)));
  return rows.flatMap(([left, right]) =>
    left.length > width
      ? [`  ${left}`, `  ${' '.repeat(width)}  ${right}`]
      : [`  ${left.padEnd(width)}  ${right}`.trimEnd()],
  );
}

export function commandHelp({ summary, usage, about, flags }: Command): string {
  const [first, ...others] = usage;
  return [
    `usage: overlayfs ${first}`,
    ...others.map((form) => `       overlayfs ${form}`),
    '',
    summary,
    ...(about.length === 0 ? [] : ['', ...about]),
    '',
    ...columns(Object.entries(flags).map(([name, row]) => [flagText(name, row), row.about])),
  ].join('\n');
}

export function programHelp(commands: ReadonlyMap<string, string>): string {
  return [
    'usage: overlayfs COMMAND …',
    '',
    'Kernel OverlayFS: mounts, looks at and unmounts overlays.',
    '',
    ...columns([...commands]),
    '',
    'overlayfs COMMAND --help tells the rest. Start with: overlayfs tour',
    '',
    'Exit codes: 0 done, 1 the operation failed, 2 wrong usage.',
    "Installed as /sbin/mount.TYPE or /sbin/umount.TYPE it takes mount(8)'s words and gives mount(8)'s exit codes.",
  ].join('\n');
}
