// What a test run or a single call must not leave behind: mounts, loop devices, temporary files, processes, descriptors.
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { loopDevices } from './filesystems.ts';
import { mounts } from './mounts.ts';
import { markOf, temporaryDirectories } from './run-directory.ts';

/** Sentences about what exists; each thing has one sentence, the same before and after. */
export type Inventory = readonly string[];

export interface Scope {
  /** The run's directory: what is in it, temporary files in particular, and whose environment names it is the run's. */
  readonly run: string;
  /** Also the mounts and loop devices anywhere on the machine, and the overlayfs-* entries of this directory. */
  readonly machine?: string | undefined;
}

export function inventory({ run, machine }: Scope): Inventory {
  const ours = (path: string) => machine !== undefined || path === run || path.startsWith(`${run}/`);
  return [
    ...mounts()
      .filter(({ point }) => ours(point))
      .map(({ point, type, source }) => `mount ${point} (${type}, ${source})`),
    ...loopDevices()
      .filter(({ file }) => ours(file))
      .map(({ device, file }) => `loop device ${device} (${file})`),
    ...temporaryDirectories(run).flatMap((path) =>
      readdirSync(path).map((name) => `temporary file ${path}/${name}`),
    ),
    ...(machine === undefined ? [] : readdirSync(machine))
      .filter((name) => name.startsWith('overlayfs-'))
      .map((name) => `temporary file ${machine}/${name}`),
    ...processesWith(markOf(run)).map(({ pid, command }) => `process ${pid} (${command})`),
  ];
}

/** What is there after and was not before; of two equal things, the second. */
export function added(before: Inventory, after: Inventory): string[] {
  const known = [...before];
  return after.filter((sentence) => {
    const at = known.indexOf(sentence);
    if (at >= 0) known.splice(at, 1);
    return at < 0;
  });
}

/** Processes whose environment holds a variable, but for this one and vitest's own workers. */
export function processesWith(variable: string): { pid: number; command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .flatMap((name) => {
      try {
        if (!readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(variable)) return [];
        const command = readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
        return /\/vitest\/dist\/|esbuild.*--service/.test(command) ? [] : [{ pid: Number(name), command }];
      } catch {
        return []; // it ended meanwhile, or belongs to somebody else
      }
    });
}

export interface Descriptor {
  readonly fd: number;
  /** As the link in /proc shows it: a path, `socket:[7]`, `anon_inode:[eventpoll]`. */
  readonly target: string;
}

/**
 * The open descriptors of this process, but for one of the mount table: the package keeps it open from the moment on when
 * the table is large, which it may become and be again at any time.
 */
export function openDescriptors(): Descriptor[] {
  const all = everyDescriptor();
  const kept = all.find(({ target }) => target === `/proc/${process.pid}/mountinfo`);
  return all.filter((one) => one !== kept);
}

function everyDescriptor(): Descriptor[] {
  return readdirSync('/proc/self/fd')
    .map(Number)
    .sort((a, b) => a - b)
    .flatMap((fd) => {
      try {
        return [{ fd, target: readlinkSync(`/proc/self/fd/${fd}`) }];
      } catch {
        return []; // the descriptor that read the list
      }
    });
}
