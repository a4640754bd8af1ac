// What can be told of a mount without making it: whether its options go together and its directories are there.
import { stat } from 'node:fs/promises';
import { checkOptions } from '../format/options.ts';
import { type LayerSource, type MountSpec, OverlayError } from '../index.ts';
import { printable } from './printable.ts';

type Path = string | Buffer;
type Option = 'lower' | 'data' | 'upper' | 'work' | 'target';

const REASONS: Readonly<Record<string, readonly [code: string, sentence: string]>> = {
  ENOENT: ['ERR_OVERLAY_NOT_FOUND', 'does not exist'],
  ENOTDIR: ['ERR_OVERLAY_NOT_DIRECTORY', 'is not a directory'],
  EACCES: ['ERR_OVERLAY_NO_ACCESS', 'cannot be reached by this user'],
};

function refusal(code: string, sentence: string, hint: string, option: string, path?: Path): OverlayError {
  return new OverlayError([
    { code, sentence, hint, option, ...(path !== undefined && { path: path.toString() }) },
  ]);
}

async function checkDirectory(option: Option, path: Path): Promise<void> {
  let problem = 'ENOTDIR';
  try {
    if ((await stat(path)).isDirectory()) return;
  } catch (error) {
    problem = (error as NodeJS.ErrnoException).code ?? String(error);
  }
  const [code, what] = REASONS[problem] ?? ['ERR_OVERLAY_UNEXPLAINED', `cannot be looked at: ${problem}`];
  const sentence = `${option} ("${printable(path)}") ${what}`;
  throw refusal(code, sentence, 'correct the path, or make the directory', option, path);
}

/** In mount(8)'s words, which the library would not use. @throws {OverlayError} */
export function requireLower({ lower }: MountSpec): void {
  if ([lower].flat().length > 0) return;
  const hint = 'name at least one directory: -o lowerdir=/a';
  throw refusal('ERR_OVERLAY_NO_LOWER', 'lowerdir is missing', hint, 'lower');
}

/** Checks a spec whose layers are given by path. @throws {OverlayError} */
export async function checkMount(spec: MountSpec): Promise<void> {
  requireLower(spec);
  const lower = [spec.lower].flat() as readonly LayerSource[] as readonly Path[];
  const { upper, work, target, data = [] } = spec;
  if (work !== undefined && upper === undefined)
    throw refusal(
      'ERR_OVERLAY_WORK_WITHOUT_UPPER',
      'workdir is given without upperdir: the kernel would ignore it and mount read-only',
      'give upperdir too, or leave workdir out for a read-only view',
      'work',
    );
  const problem = checkOptions(spec.options ?? {}, { upper: upper !== undefined, data: data.length > 0 });
  if (problem !== undefined)
    throw refusal('ERR_OVERLAY_OPTION_CONFLICT', problem.sentence, problem.hint, problem.option);
  const directories: [Option, Path | undefined][] = [
    ...lower.map((path): [Option, Path] => ['lower', path]),
    ...data.map((path): [Option, Path] => ['data', path as Path]),
    ['upper', upper as Path | undefined],
    ['work', work as Path | undefined],
    ['target', target as Path | undefined],
  ];
  for (const [option, path] of directories) if (path !== undefined) await checkDirectory(option, path);
}
