// The mounts below a directory, read from mountinfo without any help from the library under test, and their removal.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Mounted {
  /** The mount point, one character a byte. */
  readonly point: string;
  readonly type: string;
  readonly source: string;
}

/** Parses the text of mountinfo, read one character a byte. Later lines are newer mounts. */
export function parseMounts(text: string): Mounted[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [type = '', source = ''] = after.split(' ');
      return { point: fromOctal(before.split(' ')[4] ?? ''), type, source: fromOctal(source) };
    });
}

function fromOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** All mounts of this process's namespace, the newest last. */
export function mounts(): Mounted[] {
  return parseMounts(readFileSync('/proc/self/mountinfo', 'latin1'));
}

/** The mounts at or below a directory, the newest last. */
export function mountsBelow(directory: string): Mounted[] {
  const bytes = Buffer.from(directory).toString('latin1');
  return mounts().filter(({ point }) => point === bytes || point.startsWith(`${bytes}/`));
}

/** Unmounts all that is below a directory, the newest first. Returns those that were busy and only went lazily. */
export function unmountBelow(directory: string): Mounted[] {
  const busy: Mounted[] = [];
  // Unmounting propagates, and one point can carry several mounts: look again until nothing is left or nothing moves.
  for (let left = mountsBelow(directory); left.length > 0; ) {
    const newest = left.at(-1)!;
    if (!umount(newest.point)) {
      busy.push(newest);
      umount(newest.point, '--lazy');
    }
    const now = mountsBelow(directory);
    if (now.length >= left.length) return [...busy, ...now];
    left = now;
  }
  return busy;
}

/** One umount(8), which gets the path through printf since an argument of spawn cannot hold any bytes. */
function umount(point: string, ...options: readonly string[]): boolean {
  const octal = Buffer.from(point, 'latin1').reduce(
    (text, byte) => `${text}\\${byte.toString(8).padStart(3, '0')}`,
    '',
  );
  // biome-ignore lint/suspicious/noTemplateCurlyInString: the shell takes off the dot, which kept trailing newlines alive
  const script = 'point=$(printf "$1."); shift; exec umount --no-canonicalize "$@" -- "${point%.}"';
  return spawnSync('/bin/sh', ['-c', script, 'sh', octal, ...options], { stdio: 'ignore' }).status === 0;
}

/** Those that lie in no scratch directory of a test: other test files, which run at the same time, mount in theirs. */
export function mountsOutsideScratch(): string[] {
  return mounts()
    .map(({ point }) => point)
    .filter((point) => !/\/overlayfs-test-/.test(point));
}
