// Whether the kernel has the overlay driver, in it or as a module, and the driver's parameters.
import { readdirSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { release } from 'node:os';
import { readIfPossible } from '../files.ts';
import type { KernelError } from '../kernel-error.ts';
import { type Routine, wait } from '../routine.ts';
import { type FeatureAnswer, no, remedyFor, unknown, yes } from './answer.ts';

/** Whether the text of /proc/filesystems lists the driver. Source: filesystems(5). */
export function listsOverlay(filesystems: string): boolean {
  return /^nodev\toverlay$/m.test(filesystems);
}

function* hasModule(): Routine<boolean> {
  const directory = `/lib/modules/${release()}`;
  for (const list of ['modules.builtin', 'modules.dep']) {
    const text = yield* readIfPossible(`${directory}/${list}`);
    if (text?.includes('/overlayfs/overlay.ko')) return true;
  }
  return false;
}

/** `refusal`: what a plain overlay was refused with, undefined when one was mounted. */
export function* probeDriver(refusal: KernelError | undefined): Routine<FeatureAnswer> {
  if (refusal === undefined) return yes('an overlay was mounted on a memory filesystem');
  // Read after the attempt, which loads the module where the process may mount.
  const filesystems = yield* readIfPossible('/proc/filesystems');
  if (refusal.code !== 'ENODEV' && filesystems && listsOverlay(filesystems.toString()))
    return yes('/proc/filesystems lists overlay');
  const what = `/proc/filesystems does not list overlay; ${refusal.message}`;
  const module = yield* hasModule();
  if (refusal.code !== 'ENODEV') {
    const advice = 'Load the module as root: modprobe overlay.';
    return module ? unknown(`${what}; its module is installed`, advice) : unknown(what, advice);
  }
  return no(module ? `${refusal.message}; its module is installed` : refusal.message, remedyFor(refusal));
}

/** The module's parameters as the kernel prints them (`Y`, `N`, numbers): the defaults of the options of their names. */
export type DriverParameters = Readonly<Record<string, string>>;

const parametersPath = '/sys/module/overlay/parameters';

export function* readDriverParameters(): Routine<DriverParameters> {
  let names: readonly string[];
  try {
    names = yield* wait({ now: () => readdirSync(parametersPath), later: () => readdir(parametersPath) });
  } catch {
    return {};
  }
  const values: Record<string, string> = {};
  for (const name of [...names].sort()) {
    const text = yield* readIfPossible(`${parametersPath}/${name}`);
    if (text !== undefined) values[name] = text.toString().trim();
  }
  return values;
}
