// The start of a command as a program: a mount namespace of its own, the views at their places, and execve(2).
import {
  AT_EMPTY_PATH,
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_FILES,
  CLONE_NEWNS,
  MOUNT_ATTR_RDONLY,
  MOVE_MOUNT_F_EMPTY_PATH,
  MS_REC,
  MS_SLAVE,
  O_CLOEXEC,
  OPEN_TREE_CLOEXEC,
  OPEN_TREE_CLONE,
} from '../kernel/constants.ts';
import { MAY_FAIL } from '../kernel/program.ts';
import { addEntry } from '../kernel/user-namespace.ts';
import { Plan } from '../mount/plan.ts';
import type { CommandLine } from './command-line.ts';
import type { Views } from './views.ts';

/** What a command begins with. */
export interface Beginning {
  readonly line: CommandLine;
  readonly cwd: string | Buffer;
  /** The descriptors that it gets as 0, 1, 2 and so on. */
  readonly sources: readonly number[];
  /** Of the user namespace, without root. */
  readonly namespace: number | undefined;
}

export interface StartPlan {
  readonly plan: Plan;
  /** The steps that put views and mounts at their places begin here. */
  readonly placing: number;
  readonly chdir: number;
  /** One for each candidate. */
  readonly tries: readonly number[];
}

// A copy of all mounts, which follows what becomes of them outside, and does not show there what becomes of it.
function addNamespace({ program }: Plan, namespace: number | undefined): void {
  if (namespace === undefined) program.add('unshare', 0, CLONE_NEWNS);
  else addEntry(program, namespace);
  program.add('mount', 0, 'none', '/', null, MS_REC | MS_SLAVE, null);
}

function addViews(plan: Plan, { views, carried, readOnly }: Views): void {
  const { program } = plan;
  for (const path of readOnly)
    plan
      .about({ option: 'whole', path })
      .add('mount_setattr', 0, AT_FDCWD, path, 0, MOUNT_ATTR_RDONLY, 0, 0, -1);
  const copies = carried.map(({ path, readOnly: only }) => {
    const flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE;
    const copy = plan.about({ option: 'at', path }).add('open_tree', 0, AT_FDCWD, path, flags);
    const every = AT_EMPTY_PATH | AT_RECURSIVE;
    if (only) program.add('mount_setattr', 0, copy, '', every, MOUNT_ATTR_RDONLY, 0, 0, -1);
    return copy;
  });
  for (const { at, overlay } of views) {
    const about = plan.about({ option: 'at', path: at });
    about.add('move_mount', 0, overlay.fd, '', AT_FDCWD, at, MOVE_MOUNT_F_EMPTY_PATH);
  }
  carried.forEach(({ path }, i) => {
    const about = plan.about({ option: 'at', path });
    about.add('move_mount', 0, copies[i]!, '', AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
  });
}

// From here on descriptors are the command's alone. Those that it gets are put aside first, since one may have the number
// that another one gets; what is put over was going to be closed by execve(2) anyway.
function addDescriptors(plan: Plan, sources: readonly number[]): void {
  plan.program.add('unshare', 0, CLONE_FILES);
  let free = sources.length;
  const aside = sources.map((source, index) => {
    while (sources.includes(free)) free += 1;
    plan.about({ option: 'stdio', index }).add('dup3', 0, source, free, O_CLOEXEC);
    return free++;
  });
  for (const [number, from] of aside.entries()) plan.program.add('dup3', 0, from, number, 0);
}

export function planStart(views: Views, { line, cwd, sources, namespace }: Beginning): StartPlan {
  const plan = new Plan(undefined, 'apart');
  addNamespace(plan, namespace);
  const placing = plan.program.steps;
  addViews(plan, views);
  const chdir = plan.program.steps;
  plan.about({ option: 'cwd', path: cwd }).add('chdir', 0, cwd);
  addDescriptors(plan, sources);
  const tries = line.candidates.map(({ path, argv }) =>
    plan.program.add('execve', MAY_FAIL, path, argv, line.environment),
  );
  return { plan, placing, chdir, tries };
}
